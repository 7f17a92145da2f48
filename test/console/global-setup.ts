import migratedDatabase from '../support/global-setup';
import { requireSuitePackages } from '../support/suite-packages';

export default async function globalSetup(): Promise<void> {
  requireSuitePackages('console');
  await migratedDatabase();
}
