// Logs in against a real kube-apiserver. It is built from Debian's sources the first time, which takes ten minutes, and kept in
// KUBERNETES_BINARIES (by default in the user's cache).
import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const cache = process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache');
const binaries = process.env.KUBERNETES_BINARIES ?? path.join(cache, 'latchkey-kubernetes');

function run(program, args) {
  const env = { ...process.env, KUBERNETES_BINARIES: binaries };
  const { status } = spawnSync(program, args, { cwd: root, env, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

run('test/kubernetes/build.sh', [binaries]);
run(process.execPath, ['node_modules/jest/bin/jest.js', '--selectProjects=kubernetes']);
