import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock/clock';
import { OutboundHttp } from '../../common/net/outbound-http';
import { OutboundError } from '../../common/net/outbound.errors';
import type { ClaimedStream } from './audit-stream';
import { StreamSecrets } from './stream-secrets';
import { type Delivery, signedHeaders } from './webhook';

/** The body of an answer is not looked at. */
const MOST_ANSWERED_BYTES = 1024 * 1024;

/** Sends deliveries, signed, to where an organization wants them. */
@Injectable()
export class WebhookSender {
  constructor(
    private readonly http: OutboundHttp,
    private readonly secrets: StreamSecrets,
    private readonly clock: Clock,
  ) {}

  /** @returns undefined if the receiver has taken it (2xx); else the fault in a word, such as `http_500` or `timed_out`. */
  async send(stream: ClaimedStream, delivery: Delivery): Promise<string | undefined> {
    const { id, url, caCert, sealedSecret, organizationId: party } = stream;
    const key = this.secrets.open(id, sealedSecret);
    if (key === undefined) return 'secret_unreadable';
    const headers = signedHeaders(delivery, key, this.clock.now());
    const { body } = delivery;
    const request = { url, headers, body, ca: caCert || undefined, maxBytes: MOST_ANSWERED_BYTES, party };
    try {
      const { status } = await this.http.send(request);
      return status >= 200 && status < 300 ? undefined : `http_${status}`;
    } catch (error) {
      if (error instanceof OutboundError) return error.fault;
      throw error;
    }
  }
}
