import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  SetMetadata,
} from '@nestjs/common';
import { type Observable, tap } from 'rxjs';
import type { LatchkeyError } from '../errors/latchkey.error';

/** Hears of every refusal of Latchkey's routes, after the answer. The guarding module provides it: it knows the caller. */
export const ON_REFUSAL = Symbol('on refusal');
export type OnRefusal = (request: object, error: LatchkeyError) => void;

/** Hears of every read of management data that succeeded. */
export const ON_READ = Symbol('on read');
export type OnRead = (request: object) => void;

/** The operation that a request reached, and the ids in its path. */
export interface CalledOperation {
  /** As the API document names it: `IdentitiesController_update`. */
  readonly name: string;
  /** The name that the audit log has for it; undefined for an operation that it does not show. */
  readonly event: string | undefined;
  readonly ids: Readonly<Record<string, string>>;
}

const EVENT = 'latchkey:event';
const operations = new WeakMap<object, CalledOperation>();

/** Names the event of an operation. */
export const EventOfOperation = (event: string): MethodDecorator => SetMetadata(EVENT, event);

/** Whether an event is a read. */
export function isRead(event: string | null | undefined): boolean {
  return /^(get|list|search|export)-/.test(event ?? '');
}

/** Remembers the operation of a request. An exception filter is not told which handler was called. */
export function rememberOperation(request: object, context: ExecutionContext): void {
  const { params = {} } = request as { params?: Record<string, string> };
  const handler = context.getHandler();
  const event = Reflect.getMetadata(EVENT, handler) as string | undefined;
  operations.set(request, { name: `${context.getClass().name}_${handler.name}`, event, ids: params });
}

/** The operation of a request; undefined for a request that was refused before it reached one. */
export function operationOf(request: object): CalledOperation | undefined {
  return operations.get(request);
}

/** Reports reads of management data that succeeded. */
@Injectable()
export class ReadObserver implements NestInterceptor {
  constructor(@Inject(ON_READ) private readonly onRead: OnRead) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(tap({ complete: () => this.onRead(context.switchToHttp().getRequest<object>()) }));
  }
}
