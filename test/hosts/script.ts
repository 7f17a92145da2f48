import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { LatchkeyModule, MachineIdentities } from 'latchkey';

class ScriptModule {}

/** A script that asks Latchkey something and forgets to close its application: it must end all the same. */
async function main(url: string): Promise<void> {
  const latchkey = LatchkeyModule.forRoot({
    database: { url },
    authSecret: process.env.HOSTS_SECRET!,
    controllers: false,
  });
  const root = { module: ScriptModule, imports: [latchkey] };
  const app = await NestFactory.createApplicationContext(root, { logger: false, abortOnError: false });
  await app.get(MachineIdentities).createOrganization({ name: 'Script' });
  process.stdout.write('{"done":true}\n');
}

void main(process.argv[2]!);
