// Puts the files of the console beside the code that serves them. They are built by `npm run console`, and kept in the repository.
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const to = path.join(root, 'dist/src/console/ui');
rmSync(to, { recursive: true, force: true });
cpSync(path.join(root, 'src/console/ui'), to, { recursive: true });
