import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';

/** A smaller step of the database's clock is a slow answer, or a clock that is being corrected. */
const STEP_MS = 1_000;
/** Two clocks that differ by no more than this agree. */
const AGREED_MS = 5_000;
/** An action that cannot be undone waits until no clock has jumped for this long. */
const STEADY_MS = 600_000;
/** The longest such wait, where the time is as far ahead of the recorded time: a machine that was off, or a wrong clock. */
const LONGEST_STEADY_MS = 86_400_000;

/**
 * The one source of time. Everything that compares or stores a time asks this clock, so that tests can set it.
 *
 * The database's clock is the truth (guarantee P20). After each `synchronize` this clock follows the database's time, and
 * between two calls the monotonic clock of the machine. A node whose wall clock is wrong, or jumps, still decides correctly.
 *
 * The clock goes back only where the machine's own clock says the same: if a database were set back, expired tokens would
 * become valid again. It does not go back beyond the time that nodes have recorded in the database either, even at a restart.
 * If the database is behind the recorded time, time continues from there, so that tokens keep expiring.
 */
@Injectable()
export class Clock {
  private offsetMs = Date.now() - performance.now();
  private databaseOffsetMs: number | undefined;
  /** The recorded time, when it was last read. */
  private notedMs = -Infinity;
  /** The smallest offset that the recorded time allows. */
  private floorOffsetMs = -Infinity;
  /** The moment of the last jump of a clock, or of the first answer of the database. */
  private steadySince = Infinity;
  /** The moment of the first answer of the database. This process has seen no earlier jump. */
  private steppedAt = -Infinity;

  now(): Date {
    return new Date(this.epochMs());
  }

  /**
   * Milliseconds since the epoch.
   *
   * @param moment as `performance.now()` counts, from a caller that has read it already.
   */
  epochMs(moment = performance.now()): number {
    return Math.max(this.offsetMs, this.floorOffsetMs) + moment;
  }

  /** Whole seconds since the epoch, as JWT claims count them (RFC 7519 section 2, NumericDate). */
  epochSeconds(): number {
    return Math.floor(this.epochMs() / 1000);
  }

  /**
   * Takes over the database's time. The answer was made between sending and receiving; the middle is wrong by at most half of
   * that time.
   *
   * @param sentAt, receivedAt as `performance.now()` counts.
   * @param notedMs a time that nodes have recorded, in milliseconds since the epoch: it has passed.
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

  /**
   * How far the database's clock is behind the time of this clock, in milliseconds: 0 unless the database's clock was set back.
   */
  databaseBehindMs(): number {
    const { offsetMs, floorOffsetMs, databaseOffsetMs = offsetMs } = this;
    return Math.max(offsetMs, floorOffsetMs) - databaseOffsetMs;
  }

  /**
   * The time, if it may be recorded; no node goes back beyond a recorded time. It may if it follows the last recorded time, or
   * has been steady. One start with a clock that runs ahead records nothing. Undefined otherwise.
   */
  noteableMs(): number | undefined {
    if (this.databaseOffsetMs === undefined) return undefined;
    // Not `epochMs`, because a test may have set it.
    const epochMs = Math.max(this.offsetMs, this.floorOffsetMs) + performance.now();
    const isContinued = this.notedMs === -Infinity || epochMs - this.notedMs <= STEADY_MS;
    return isContinued || this.isSteady() ? epochMs : undefined;
  }

  /**
   * Whether an action that cannot be undone may rely on this clock. Database and machine must agree, and neither may have
   * jumped for ten minutes, or for as long as the time is ahead of the recorded time, up to a day.
   */
  isSteady(): boolean {
    const { databaseOffsetMs, notedMs } = this;
    const moment = performance.now();
    if (databaseOffsetMs === undefined || this.databaseBehindMs() > STEP_MS) return false;
    const epochMs = databaseOffsetMs + moment;
    const neededMs = Math.min(Math.max(epochMs - notedMs, STEADY_MS), LONGEST_STEADY_MS);
    return Math.abs(Date.now() - epochMs) <= AGREED_MS && moment - this.steadySince >= neededMs;
  }

  /** How long ago the database's clock jumped, in milliseconds. */
  steadyForMs(): number {
    return performance.now() - this.steppedAt;
  }

  /** Whether the database says that it is earlier than before, and the machine's own clock does not agree. */
  private isSetBack(heardMs: number): boolean {
    if (this.offsetMs - heardMs <= STEP_MS) return false;
    const wallMs = Date.now() - performance.now();
    return Math.abs(wallMs - heardMs) > AGREED_MS;
  }
}
