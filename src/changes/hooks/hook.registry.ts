import { Injectable, type OnModuleInit } from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import type { AccessTokenEvent, AccessTokenEventName } from './access-token-events';
import { type Listening, listeningOf } from './on-access-token.decorator';

/** A method of the host that hears events of one kind. */
export interface Hook extends Listening {
  /** The class and the method: what the outbox knows it by. */
  readonly name: string;
  handle(event: AccessTokenEvent): unknown;
}

type Wrapper = { readonly instance: unknown; readonly metatype: unknown; isDependencyTreeStatic(): boolean };

/** The methods with `@OnAccessToken()` among all providers and controllers of the application. */
@Injectable()
export class HookRegistry implements OnModuleInit {
  private readonly scanner = new MetadataScanner();
  private found: readonly Hook[] | undefined;

  constructor(private readonly modules: ModulesContainer) {}

  /** By now every provider exists. @throws TypeError for a handler of which there is one for each request. */
  onModuleInit(): void {
    this.found = this.find();
  }

  /** Those that hear an event, in memory or from the outbox. */
  hooksFor(type: AccessTokenEventName, atLeastOnce: boolean): readonly Hook[] {
    return this.all().filter((hook) => hook.type === type && hook.atLeastOnce === atLeastOnce);
  }

  /** The events of which the outbox keeps a row. */
  keptTypes(): AccessTokenEventName[] {
    return [...new Set(this.all().flatMap(({ type, atLeastOnce }) => (atLeastOnce ? [type] : [])))];
  }

  /** A host may issue tokens while its providers are made: until all are there, they are looked for each time. */
  private all(): readonly Hook[] {
    return this.found ?? this.find();
  }

  private find(): Hook[] {
    const seen = new Set<unknown>();
    return [...this.modules.values()]
      .flatMap(({ providers, controllers }) => [...providers.values(), ...controllers.values()])
      .filter(({ instance, metatype }) => {
        const one: unknown = instance ?? metatype;
        return !seen.has(one) && seen.add(one);
      })
      .flatMap((wrapper) => this.hooksOf(wrapper));
  }

  private hooksOf(wrapper: Wrapper): Hook[] {
    const prototype = prototypeOf(wrapper);
    if (prototype === null) return [];
    return this.scanner.getAllMethodNames(prototype).flatMap((key) => {
      const method = (prototype as Record<string, object>)[key]!;
      return listeningOf(method).map((listening) => hookOf(wrapper, key, listening));
    });
  }
}

/** The prototype of a class that has only providers for single requests as instances stands in its type. */
function prototypeOf({ instance, metatype }: Wrapper): object | null {
  if (typeof instance === 'object' && instance !== null) return Object.getPrototypeOf(instance) as object | null;
  const { prototype } = (typeof metatype === 'function' ? metatype : {}) as { prototype?: object };
  return prototype ?? null;
}

function hookOf(wrapper: Wrapper, key: string, listening: Listening): Hook {
  const { instance } = wrapper;
  const type = (instance as object | undefined)?.constructor ?? (wrapper.metatype as { name: string });
  const name = `${type.name}.${key}`;
  if (!wrapper.isDependencyTreeStatic()) {
    throw new TypeError(`${name} must not be request-scoped or transient: @OnAccessToken() needs a single instance`);
  }
  const methods = instance as Record<string, Hook['handle']>;
  return { ...listening, name, handle: (event) => methods[key]!(event) };
}
