import type { IncomingMessage, ServerResponse } from 'node:http';
import { HttpsPeer } from './https-peer';

interface Review {
  readonly kind: string;
  readonly spec: { readonly token: string; readonly audiences?: readonly string[] };
}

/** What the API server knows of a token. */
interface KnownToken {
  readonly username: string;
  readonly audiences: readonly string[];
}

/** Those that the API server issues tokens for itself. */
const DEFAULT_AUDIENCES = ['https://kubernetes.default.svc'];
const PATH = '/apis/authentication.k8s.io/v1/tokenreviews';

/** A text of the shape of a token that says nothing but its name. */
export const tokenNamed = (name: string) => `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(name).toString('base64url')}.c2ln`;

/** Answers reviews as kube-apiserver 1.20 does, word by word. */
export class TokenReviews {
  /** By the token. */
  readonly known = new Map<string, KnownToken>();
  /** Tokens that may review others. */
  readonly reviewers = new Set<string>();
  /** What it was asked, with the bearer token of each request. */
  readonly reviews: { readonly bearer: string; readonly review: Review }[] = [];

  /** Makes the token of a service account. */
  account(namespace: string, name: string, audiences: readonly string[] = DEFAULT_AUDIENCES): string {
    return this.user(`system:serviceaccount:${namespace}:${name}`, audiences);
  }

  user(username: string, audiences: readonly string[] = DEFAULT_AUDIENCES): string {
    const token = tokenNamed(`${username} ${audiences.join(' ')}`);
    this.known.set(token, { username, audiences });
    return token;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    if (request.method !== 'POST' || request.url !== PATH) return void response.writeHead(404).end();
    const bearer = (request.headers.authorization ?? '').replace('Bearer ', '');
    const review = JSON.parse(Buffer.concat(chunks).toString()) as Review;
    this.reviews.push({ bearer, review });
    const [status, body] = this.answerTo(bearer, review);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  private answerTo(bearer: string, review: Review): [number, object] {
    if (!this.reviewers.has(bearer) && !this.known.has(bearer)) return [401, failure(401, 'Unauthorized')];
    if (!this.reviewers.has(bearer)) {
      const { username } = this.known.get(bearer)!;
      const cannot = `User "${username}" cannot create resource "tokenreviews" in API group "authentication.k8s.io"`;
      return [403, failure(403, `tokenreviews.authentication.k8s.io is forbidden: ${cannot} at the cluster scope`)];
    }
    return [201, { ...review, status: this.statusOf(review.spec) }];
  }

  private statusOf({ token, audiences = DEFAULT_AUDIENCES }: Review['spec']): object {
    const known = this.known.get(token);
    if (!known) return { user: {}, error: 'invalid bearer token' };
    const common = known.audiences.filter((audience) => audiences.includes(audience));
    if (common.length > 0) return { authenticated: true, user: userOf(known.username), audiences: common };
    const [has, wants] = [JSON.stringify(known.audiences), JSON.stringify(audiences)];
    const error = `[invalid bearer token, token audiences ${has} is invalid for the target audiences ${wants}]`;
    return { user: {}, error };
  }
}

/** The same, on a server of its own over TLS. */
export class TokenReviewPeer extends TokenReviews {
  private constructor(readonly https: HttpsPeer) {
    super();
    this.answerAsItShould();
  }

  static async start(): Promise<TokenReviewPeer> {
    return new TokenReviewPeer(await HttpsPeer.start());
  }

  answerAsItShould(): void {
    this.https.answer = (request, response) => void this.serve(request, response);
  }

  /** Answers every review with this status. */
  say(status: object): void {
    this.https.answerJson({ kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1', status }, {}, 201);
  }
}

function userOf(username: string): object {
  const uid = '1f7f2f0e-3c5b-4b57-9a2e-2b0e3c1d7a66';
  return { username, uid, groups: ['system:serviceaccounts', 'system:authenticated'] };
}

function failure(code: number, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code };
}
