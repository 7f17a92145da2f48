import { Injectable } from '@nestjs/common';

/** The one source of time. Everything that compares or stores a time asks it, so that tests can set it. */
@Injectable()
export class Clock {
  now(): Date {
    return new Date();
  }

  /** Whole seconds since the epoch, as JWT claims count them (RFC 7519 section 2, NumericDate). */
  epochSeconds(): number {
    return Math.floor(this.now().getTime() / 1000);
  }
}
