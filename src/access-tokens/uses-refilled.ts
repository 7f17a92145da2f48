/** An SQL expression: how many uses of the token `t` have come back by now. */
export const USES_REFILLED = `latchkey.uses_refilled(
             t.num_uses, t.uses_refill_amount, t.uses_refill_interval, t.uses_refilled, t.uses_refilled_at)`;

/** An SQL expression: the end of the last whole interval of the token `t`, up to which its uses have come back. */
export const SETTLED_AT = `
             CASE WHEN t.uses_refill_amount > 0 AND t.uses_refill_interval > 0 AND t.uses_refilled_at <= now()
                  THEN t.uses_refilled_at + floor(extract(epoch FROM now() - t.uses_refilled_at) / t.uses_refill_interval)
                                            * t.uses_refill_interval * interval '1 second'
                  ELSE t.uses_refilled_at END`;
