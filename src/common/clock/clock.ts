import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';

/** A step of the database's clock that is no more than a slow answer, or a clock that is being put right. */
const STEP_MS = 1_000;
/** Two clocks that differ by no more agree. */
const AGREED_MS = 5_000;
/** What cannot be taken back waits until no clock has jumped for so long. */
const STEADY_MS = 600_000;
/** And at most for so long, where the time is as far ahead of what was noted of it: a machine that was off, or a wrong clock. */
const LONGEST_STEADY_MS = 86_400_000;

/**
 * The one source of time. Everything that compares or stores a time asks it, so that tests can set it.
 *
 * The database's clock is the truth (promise P20): once `synchronize` has been told what it says, this clock follows it, and
 * between two tellings the monotonic clock of the machine. A node whose wall clock is wrong, or jumps, judges right.
 *
 * Back it goes only where the machine's own clock says the same: a database that was set back would make tokens good again that
 * had run out. Nor does it go back beyond what nodes have noted in the database, at a restart: where the database is behind
 * that, time runs on from there, so that tokens go on running out.
 */
@Injectable()
export class Clock {
  private offsetMs = Date.now() - performance.now();
  private databaseOffsetMs: number | undefined;
  /** What was noted of the time, when it was last read. */
  private notedMs = -Infinity;
  /** What the offset is at least, by what was noted. */
  private floorOffsetMs = -Infinity;
  /** When a clock has last jumped, or was first heard. */
  private steadySince = Infinity;
  /** When the first word of the database came: a jump before is nothing anybody here has seen. */
  private steppedAt = -Infinity;

  now(): Date {
    return new Date(this.epochMs());
  }

  /**
   * Milliseconds since the epoch.
   *
   * @param moment as `performance.now()` counts, for who has asked that already.
   */
  epochMs(moment = performance.now()): number {
    return Math.max(this.offsetMs, this.floorOffsetMs) + moment;
  }

  /** Whole seconds since the epoch, as JWT claims count them (RFC 7519 section 2, NumericDate). */
  epochSeconds(): number {
    return Math.floor(this.epochMs() / 1000);
  }

  /**
   * Takes over the database's time. The answer was made between sending and receiving: half the way is at most half of it wrong.
   *
   * @param sentAt, receivedAt as `performance.now()` counts.
   * @param notedMs a time that nodes have noted, in milliseconds since the epoch: it has passed.
   */
  synchronize(databaseTime: Date, sentAt: number, receivedAt: number, notedMs = -Infinity): void {
    const heardMs = databaseTime.getTime() - (sentAt + receivedAt) / 2;
    const isFirst = this.databaseOffsetMs === undefined;
    if (isFirst) this.steadySince = receivedAt;
    else if (Math.abs(heardMs - this.databaseOffsetMs!) > STEP_MS) this.steadySince = this.steppedAt = receivedAt;
    this.databaseOffsetMs = heardMs;
    this.notedMs = notedMs;
    this.floorOffsetMs = Math.max(this.floorOffsetMs, notedMs - receivedAt);
    if (isFirst || !this.isSetBack(heardMs)) this.offsetMs = heardMs;
  }

  /** How far the machine's wall clock is ahead of this one, in milliseconds. */
  skewMs(): number {
    return Date.now() - this.epochMs();
  }

  /** How far the database's clock is behind the time this one goes by, in milliseconds: 0 unless it was set back. */
  databaseBehindMs(): number {
    const { offsetMs, floorOffsetMs, databaseOffsetMs = offsetMs } = this;
    return Math.max(offsetMs, floorOffsetMs) - databaseOffsetMs;
  }

  /**
   * The time, if it may be noted: from then on no node goes back beyond it. It goes on from what was noted last, or has been
   * steady; one start with a clock that runs ahead notes nothing. Undefined otherwise.
   */
  noteableMs(): number | undefined {
    if (this.databaseOffsetMs === undefined) return undefined;
    // Not `epochMs`, which a test may have set.
    const epochMs = Math.max(this.offsetMs, this.floorOffsetMs) + performance.now();
    const isContinued = this.notedMs === -Infinity || epochMs - this.notedMs <= STEADY_MS;
    return isContinued || this.isSteady() ? epochMs : undefined;
  }

  /**
   * Whether something may be done by this clock that cannot be taken back: database and machine agree, and none has jumped for
   * ten minutes, or for as long as the time is ahead of what was noted of it, up to a day.
   */
  isSteady(): boolean {
    const { databaseOffsetMs, notedMs } = this;
    const moment = performance.now();
    if (databaseOffsetMs === undefined || this.databaseBehindMs() > STEP_MS) return false;
    const epochMs = databaseOffsetMs + moment;
    const neededMs = Math.min(Math.max(epochMs - notedMs, STEADY_MS), LONGEST_STEADY_MS);
    return Math.abs(Date.now() - epochMs) <= AGREED_MS && moment - this.steadySince >= neededMs;
  }

  /** How long ago the database's clock has jumped, in milliseconds. */
  steadyForMs(): number {
    return performance.now() - this.steppedAt;
  }

  /** Whether the database says that it is earlier than it was, and the machine's own clock does not say so, too. */
  private isSetBack(heardMs: number): boolean {
    if (this.offsetMs - heardMs <= STEP_MS) return false;
    const wallMs = Date.now() - performance.now();
    return Math.abs(wallMs - heardMs) > AGREED_MS;
  }
}
