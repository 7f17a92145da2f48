import * as fs from 'node:fs';

const UNLIMITED = 65_536;
/** The most requests that leave the process at the same time, and their share of the descriptors where there are few. */
const MOST_OUTBOUND = 256;
const SHARE_OF_OUTBOUND = 1 / 16;

/** How many descriptors the process can have. At its start, Node raises its own limit to the highest that it may have. */
export function descriptorLimit(): number {
  try {
    const [, soft = ''] = /^Max open files +(\d+|unlimited)/m.exec(fs.readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return Math.min(Number(soft) || UNLIMITED, UNLIMITED);
  } catch {
    const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
    return Math.min(Number(userLimits?.open_files?.soft) || UNLIMITED, UNLIMITED);
  }
}

/** How many requests may be on their way out at the same time. Each has a connection, and before that asks a name server. */
export function mostOutbound(descriptors = descriptorLimit()): number {
  return Math.min(MOST_OUTBOUND, Math.max(1, Math.floor(descriptors * SHARE_OF_OUTBOUND)));
}
