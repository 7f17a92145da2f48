import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { run } from './command';
import { EmbeddedPostgresError, errorCode } from './errors';
import type { Layout } from './layout';
import { pollUntil } from './polling';

/**
 * The lifeline is a named pipe. Every process that uses the server holds it open for writing, and a watchdog reads it. When the
 * last process ends, in any way, the watchdog sees the end of the pipe and stops the server.
 */
const ANSWER_LIMIT_MS = 30_000;
const RECEIPT_PREFIX = 'joined-';

/**
 * Runs `"$@"`, the server, until the end of the pipe on descriptor 3; receipts for joining processes go to "$1". It stands in
 * the data directory, to which its account may have no path.
 *
 * Two processes watch, and each works without the other. The reader gives receipts and sees the end of the pipe. The main
 * process is the server's parent, and stops the server when the reader has ended, in any way. If the main process was killed,
 * the reader stops the server at the end of the pipe, and when another process wants to join: the remaining users then start it
 * again, watched as it should be.
 *
 * The trap ends the reader when the server dies by itself, before `wait` as well as during it. SIGINT is a fast shutdown; it is
 * repeated, because the shell starts the server with SIGINT ignored until it is set up. A server that does not obey within half
 * a minute is stopped without a checkpoint (SIGQUIT), and finally killed: it may be frozen.
 */
export const WATCHDOG_SCRIPT = `
dir=$1; shift
data=$3
main=$$
lives() { kill -0 "$1" 2>/dev/null && case $(cat "/proc/$1/stat" 2>/dev/null) in *") Z "*) false;; esac; }
serves() {
  case $( (tr '\\0' ' ' <"/proc/$1/cmdline" || ps -ww -o args= -p "$1") 2>/dev/null) in *" $data "*) ;; *) false;; esac
}
stop() {
  tries=0
  while lives "$1"; do
    tries=$((tries + 1)); signal=INT
    if [ $tries -gt 300 ]; then signal=QUIT; fi
    if [ $tries -gt 350 ]; then signal=KILL; fi
    if [ $tries -gt 360 ]; then return; fi
    kill -$signal "$1" 2>/dev/null
    sleep 0.1
  done
}
{
  while read -r token; do
    lives "$main" || break
    : >"$dir/${RECEIPT_PREFIX}$token"
  done
  exec <&- 3<&-
  if ! lives "$main" && read -r server <postmaster.pid && serves "$server"; then stop "$server"; fi
} <&3 &
reader=$!
trap 'kill "$reader" 2>/dev/null' CHLD
"$@" 3<&- &
server=$!
exec 3<&-
wait "$reader"
trap : CHLD
stop "$server"
`;

export interface PipeEnds {
  readEnd: number;
  writeEnd: number;
}

/** Only for the holder of the start lock. */
export async function prepareLifeline(layout: Layout): Promise<void> {
  for (const name of fs.readdirSync(layout.runDir)) {
    if (name.startsWith(RECEIPT_PREFIX)) fs.rmSync(path.join(layout.runDir, name), { force: true });
  }
  if (fs.lstatSync(layout.lifeline, { throwIfNoEntry: false })?.isFIFO()) return;
  fs.rmSync(layout.lifeline, { force: true });
  const { exitCode, stderr } = await run('mkfifo', ['-m', '600', layout.lifeline], { account: undefined });
  if (exitCode !== 0) throw new Error(stderr.trim());
}

/** Undefined when no watchdog reads the pipe, or when there is no pipe. */
function openWriteEnd(lifeline: string): number | undefined {
  try {
    return fs.openSync(lifeline, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    if (errorCode(error) === 'ENXIO' || errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export function isWatched(lifeline: string): boolean {
  const probe = openWriteEnd(lifeline);
  if (probe !== undefined) fs.closeSync(probe);
  return probe !== undefined;
}

/** Both ends, before the watchdog exists: so the watchdog never sees the end of the pipe too early. */
export function openBothEnds(lifeline: string): PipeEnds {
  // Opening one end alone blocks or fails until the other end is open.
  const both = fs.openSync(lifeline, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
  try {
    const readEnd = fs.openSync(lifeline, fs.constants.O_RDONLY);
    const writeEnd = fs.openSync(lifeline, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
    return { readEnd, writeEnd };
  } finally {
    fs.closeSync(both);
  }
}

/**
 * A write end to which the watchdog has answered, or undefined when there is no watchdog. Without the answer, the watchdog
 * might have seen the end of the pipe just before this process opened it, and be about to stop the server.
 */
export async function joinLifeline(layout: Layout): Promise<number | undefined> {
  const writeEnd = openWriteEnd(layout.lifeline);
  if (writeEnd === undefined) return undefined;
  const token = randomBytes(8).toString('hex');
  const receipt = path.join(layout.runDir, `${RECEIPT_PREFIX}${token}`);
  const answered = sendToken(writeEnd, token)
    ? await pollUntil(Date.now() + ANSWER_LIMIT_MS, () => receiptState(layout.lifeline, receipt))
    : false;
  fs.rmSync(receipt, { force: true });
  if (answered === true) return writeEnd;
  fs.closeSync(writeEnd);
  if (answered === false) return undefined;
  throw new EmbeddedPostgresError(
    `The watchdog of the PostgreSQL in ${layout.dir} does not answer, so end that server and start Latchkey again.`,
  );
}

function receiptState(lifeline: string, receipt: string): boolean | undefined {
  if (fs.existsSync(receipt)) return true;
  return isWatched(lifeline) ? undefined : false;
}

function sendToken(writeEnd: number, token: string): boolean {
  try {
    fs.writeSync(writeEnd, `${token}\n`);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EPIPE') return false;
    throw error;
  }
}
