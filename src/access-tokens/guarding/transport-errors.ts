import type { ExecutionContext } from '@nestjs/common';
import { LatchkeyError } from '../../common/errors/latchkey.error';
import { rateHeaders, type RateStanding } from '../issuing/rate-standing';

/**
 * Throws the refusal of a guard in the form of the transport, so that Nest's filters for it, or the host's, format it. Over
 * HTTP it is thrown as it is, with its headers already on the response; on a web socket as a `WsException`, in a microservice
 * as an `RpcException`, each with Latchkey's error as its cause.
 */
export function refuse(context: ExecutionContext, error: unknown): never {
  if (!(error instanceof LatchkeyError)) throw error;
  const type = context.getType<string>();
  if (type === 'ws') throw asWsException(error);
  if (type === 'rpc') throw asRpcException(error);
  if (type === 'http') addHeaders(context.switchToHttp().getResponse<Response>(), error);
  throw error;
}

/** The common part of Express's response and Fastify's reply. */
interface Response {
  header?(name: string, value: string): unknown;
}

export function addHeaders(response: Response, { headers }: LatchkeyError): void {
  setHeaders(response, headers);
}

/** Tells a caller over HTTP how its key stands with its rate limits. */
export function tellRates(context: ExecutionContext, rates: readonly RateStanding[]): void {
  if (context.getType<string>() === 'http') addRates(context.switchToHttp().getResponse<Response>(), rates);
}

export function addRates(response: Response, rates: readonly RateStanding[]): void {
  setHeaders(response, rateHeaders(rates));
}

function setHeaders(response: Response, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) response.header?.(name, value);
}

// Loaded only where a gateway or a microservice exists: then the host has the package. Most hosts have neither.
/* eslint-disable @typescript-eslint/no-require-imports -- an import would demand both of every host */
function asWsException(error: LatchkeyError): Error {
  const { WsException } = require('@nestjs/websockets') as typeof import('@nestjs/websockets');
  const { message, errorCode } = error;
  return caused(new WsException({ status: 'error', message: String(message), errorCode }), error);
}

function asRpcException(error: LatchkeyError): Error {
  const { RpcException } = require('@nestjs/microservices') as typeof import('@nestjs/microservices');
  const { message, errorCode } = error;
  const code = GRPC_CODES[error.getStatus()] ?? UNKNOWN;
  return caused(new RpcException({ status: 'error', code, message: String(message), errorCode }), error);
}
/* eslint-enable @typescript-eslint/no-require-imports */

function caused(exception: Error, cause: LatchkeyError): Error {
  return Object.assign(exception, { cause });
}

const UNKNOWN = 2;
/** INVALID_ARGUMENT, UNAUTHENTICATED, PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNAVAILABLE. */
const GRPC_CODES: Partial<Record<number, number>> = { 400: 3, 401: 16, 403: 7, 429: 8, 503: 14 };
