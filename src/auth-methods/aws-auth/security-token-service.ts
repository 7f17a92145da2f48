import { Injectable } from '@nestjs/common';
import { type OutboundAnswer, OutboundHttp, type OutboundRequest } from '../../common/net/outbound-http';
import { OutboundError } from '../../common/net/outbound.errors';
import { LatchkeySettings } from '../../latchkey.options';
import { OperatorHttp } from '../federation/operator-http';
import { StsRejectedError, StsUnavailableError } from './aws-auth.errors';
import type { CallerIdentity } from './principal';
import type { SignedRequest } from './signed-request';

/** The longest answer that is read. */
const MAX_BYTES = 65_536;

/** Asks AWS who has signed a request, by passing the request on. */
@Injectable()
export class SecurityTokenService {
  /** The hosts that have answered. Callers can make a region up, and its host is never among them. */
  private readonly answered = new Set<string>();

  constructor(
    private readonly settings: LatchkeySettings,
    private readonly http: OutboundHttp,
    private readonly operatorHttp: OperatorHttp,
  ) {}

  /** @param party on whose behalf it asks: see `OutboundRequest`. @throws StsRejectedError where AWS says no, StsUnavailableError where it says nothing usable */
  async whoSigned(request: SignedRequest, party: string): Promise<CallerIdentity> {
    const answer = await this.send(request, party);
    if (answer.status === 200) return identityIn(answer.body);
    throw refusalOf(answer);
  }

  /** The host that the request is signed for stays in its header, wherever the request goes. */
  private async send({ host, headers, body }: SignedRequest, party: string): Promise<OutboundAnswer> {
    const { awsStsUrl: url = `https://${host}` } = this.settings.cloudUrls;
    // STS answers JSON to those who ask for it, and XML to others. This header is not among the signed ones.
    const asking = { ...headers, accept: 'application/json' };
    try {
      return await this.ask({ url, method: 'POST', headers: asking, body, maxBytes: MAX_BYTES, party });
    } catch (error) {
      throw error instanceof OutboundError ? new StsUnavailableError(error.fault, error) : error;
    }
  }

  private async ask(request: OutboundRequest): Promise<OutboundAnswer> {
    const http = this.settings.cloudUrls.awsStsUrl === undefined ? this.http : this.operatorHttp;
    const { host } = new URL(request.url);
    const answer = await http.send({ ...request, slots: this.answered.has(host) ? host : UNKNOWN });
    this.answered.add(host);
    return answer;
  }
}

/** All hosts that have not answered yet share their slots. */
const UNKNOWN = 'sts';

type Fields = Readonly<Record<string, unknown>>;

/** @throws StsUnavailableError for an answer that has not what it must have, or contradicts itself */
function identityIn(body: Buffer): CallerIdentity {
  const { GetCallerIdentityResponse: response } = fieldsIn(parsed(body));
  const { GetCallerIdentityResult: result } = fieldsIn(response);
  const { Account: account, Arn: arn, UserId: userId } = fieldsIn(result);
  if (!isText(account) || !isText(arn) || !isText(userId)) throw new StsUnavailableError('unusable_answer');
  const [, accountOfArn] = /^arn:aws(?:-us-gov)?:(?:iam|sts)::(\d{12}):[\x21-\x7e]+$/.exec(arn) ?? [];
  if (accountOfArn === undefined || accountOfArn !== account) throw new StsUnavailableError('unusable_answer');
  return { account, arn, userId };
}

/** 400 stands for a request that is wrong, and for too many of them at once. */
function refusalOf({ status, body }: OutboundAnswer): Error {
  if (status === 401 || status === 403) return new StsRejectedError();
  const { Code: code } = fieldsIn(fieldsIn(parsed(body)).Error);
  const isRejected = status === 400 && isText(code) && !/throttl|limit|toomany/i.test(code);
  return isRejected ? new StsRejectedError() : new StsUnavailableError(`status_${status}`);
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

function fieldsIn(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 2_048;
}
