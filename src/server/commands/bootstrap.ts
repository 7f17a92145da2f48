import type { Tenant } from '../../organizations/organization.founder';
import { readEnvironment } from '../environment';
import { credentials, FIRST_ORGANIZATION } from '../run';
import { StartError } from '../start-error';
import { type Command, type Given, JSON_FLAG } from './command';
import { ShownOnce } from './shown-once';
import { withInstance } from './with-instance';

/** Sets up the operator's own database from the command line, instead of through the endpoint. */
export const BOOTSTRAP: Command = {
  name: 'bootstrap',
  summary: 'set up the database of DATABASE_URL, once',
  help: `Sets up the database of DATABASE_URL, once: makes an organization and shows the token of its administrator.

The token is shown before the database is set up. If standard output cannot be written to, nothing is set up.`,
  options: [JSON_FLAG],
  exits: ['the installation is set up, now or since before', 'it is not'],
  run: bootstrap,
};

const UNSEEN = 'send it to a terminal or a file. The database was not set up.';

async function bootstrap(say: (text: string) => void, { options }: Given): Promise<void> {
  const inWords = options.json === true ? inJson : credentials;
  requireDatabaseUrl();
  const shown = new ShownOnce();
  const tenant = await withInstance((app, { InstallationService }) =>
    app
      .get(InstallationService)
      .initializeOnce(FIRST_ORGANIZATION, (founded) => shown.show(inWords(founded), UNSEEN))
      .catch((error: unknown) => {
        shown.withdraw();
        throw error;
      }),
  );
  if (tenant === null) say(options.json === true ? '{"isSetUp":true}' : 'This installation has been set up before.');
}

function inJson({ organization, identity, accessToken }: Tenant): string {
  return JSON.stringify({ isSetUp: true, organizationId: organization.id, identityId: identity.id, accessToken });
}

/** The first start sets up the built-in database. A mistyped directory must not become one. */
function requireDatabaseUrl(): void {
  if (readEnvironment().DATABASE_URL !== undefined) return;
  throw new StartError(
    'bootstrap needs DATABASE_URL: without it, Latchkey sets up its built-in database when it starts.',
  );
}
