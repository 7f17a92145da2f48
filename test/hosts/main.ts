import 'reflect-metadata';
import { isDeepStrictEqual } from 'node:util';
import { hooks, observe, probe } from './observe.js';
import { start, type Variant } from './host.js';

/** How a variant went: nothing at fault, or what. */
export interface Result {
  readonly variant: Variant & { readonly twins: boolean };
  readonly faults: string[];
}

async function visit(url: string, variant: Variant, isWithLatchkey: boolean) {
  hooks.length = 0;
  const host = await start(url, variant, isWithLatchkey);
  const seen = await observe(host, variant);
  const faults = isWithLatchkey ? await probe(host, variant) : [];
  await host.app.close();
  const saidBefore = host.logger.lines.length;
  await host.app.close();
  if (host.logger.lines.length > saidBefore) faults.push(`a second close() says ${host.logger.lines.at(-1)}`);
  return { seen: { ...seen, hooks: [...hooks], listenersLeft: process.listenerCount('SIGUSR2') }, faults };
}

/** A second application in the process, which comes and goes while the first is at work. */
async function visitTwins(url: string, variant: Variant): Promise<string[]> {
  const first = await start(url, variant, true);
  const second = await start(url, { ...variant, schema: 'twin', prefix: !variant.prefix }, true);
  const both = [
    ...(await probe(first, variant)),
    ...(await probe(second, { ...variant, schema: 'twin', prefix: !variant.prefix })),
  ];
  await second.app.close();
  const alone = await probe(first, variant);
  await first.app.close();
  return [...both, ...alone];
}

async function main(url: string, variants: Result['variant'][]): Promise<void> {
  const without = new Map<string, unknown>();
  for (const variant of variants) {
    const faults: string[] = [];
    try {
      if (variant.twins) faults.push(...(await visitTwins(url, variant)));
      else {
        const key = JSON.stringify({ ...variant, schema: '', database: '' });
        if (!without.has(key)) without.set(key, (await visit(url, variant, false)).seen);
        const { seen, faults: own } = await visit(url, variant, true);
        faults.push(...own, ...differences(without.get(key) as object, seen));
      }
    } catch (error) {
      faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    process.stdout.write(`${JSON.stringify({ variant, faults } satisfies Result)}\n`);
  }
}

function differences(without: object, seen: object): string[] {
  return Object.entries(seen).flatMap(([what, now]) => {
    const before = (without as Record<string, unknown>)[what];
    if (isDeepStrictEqual(before, now)) return [];
    const lines = (value: unknown) =>
      Array.isArray(value) ? value.map((one) => JSON.stringify(one)) : [JSON.stringify(value)];
    const [was, is] = [lines(before), lines(now)];
    return [
      `${what}: without ${was.filter((one) => !is.includes(one)).join(' ')}; with ${is.filter((one) => !was.includes(one)).join(' ')}`,
    ];
  });
}

// Nothing here ends the process: it ends by itself, or Latchkey keeps it alive.
void main(process.argv[2]!, JSON.parse(process.argv[3]!) as Result['variant'][]);
