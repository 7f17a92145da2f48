import { Injectable, RequestMethod, type Type } from '@nestjs/common';
import {
  type AbstractHttpAdapter,
  ApplicationConfig,
  HttpAdapterHost,
  MetadataScanner,
  ModulesContainer,
} from '@nestjs/core';
import {
  isDemanding,
  noteGuardedByApplication,
  type OwnRules,
  ownRulesOf,
} from '../access-tokens/guarding/route-rules';
import { isLatchkeyController } from '../common/http/latchkey-controller.decorator';
import { LatchkeyCoreModule } from '../latchkey-core.module';
import { LatchkeyOptionsError, LatchkeySettings } from '../latchkey.options';
import { isOwnPermission } from '../permissions/permission-catalogue';
import { type ApplicationRoute, ApplicationRoutesService, overlap, swallows } from './application-routes.service';

/** Checks the application around Latchkey, before it serves anything, for faults. */
@Injectable()
export class HostInspection {
  private readonly scanner = new MetadataScanner();

  constructor(
    private readonly modules: ModulesContainer,
    private readonly routes: ApplicationRoutesService,
    private readonly config: ApplicationConfig,
    private readonly settings: LatchkeySettings,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  /** For every application, with or without routes. @throws LatchkeyOptionsError that names every fault. */
  requireSound(): void {
    refuseFor([...this.secondModules(), ...this.unsoundRules()]);
    if (this.config.getGlobalGuards().length + this.config.getGlobalRequestGuards().length > 0) {
      noteGuardedByApplication(this.classes());
    }
  }

  /** For an application with routes. @throws LatchkeyOptionsError that names every fault. */
  requireRoom(): void {
    refuseFor([...this.secondModules(), ...this.collisions(), ...this.swallowers(), ...this.unsoundRules()]);
  }

  private secondModules(): string[] {
    const cores = [...this.modules.values()].filter(({ metatype }) => metatype === LatchkeyCoreModule);
    return cores.length > 1
      ? ['LatchkeyModule must be set up once: its exports are global, import it nowhere else']
      : [];
  }

  private collisions(): string[] {
    const all = this.routes.all();
    const ours = all.filter(({ controller }) => isLatchkeyController(controller));
    const hosts = all.filter(({ controller }) => !isLatchkeyController(controller));
    return hosts
      .filter((host) => ours.some((own) => isSameMethod(own, host) && overlap(own.path, host.path)))
      .map(
        ({ method, path, controller, methodName }) =>
          `mountPath must be another: ${RequestMethod[method]} ${path} is a route of ${controller.name}.${methodName} already`,
      );
  }

  /**
   * An application's catch-all route is meant to come last, and does on Fastify wherever it is declared. On Express the first
   * matching route answers, and those of the root module come first.
   */
  private swallowers(): string[] {
    const { httpAdapter } = this.adapterHost as { httpAdapter?: AbstractHttpAdapter };
    if (httpAdapter?.getType() !== 'express') return [];
    const all = this.routes.all();
    const last = all.findLastIndex(({ controller }) => isLatchkeyController(controller));
    return all
      .slice(0, Math.max(last, 0))
      .filter(({ controller }) => !isLatchkeyController(controller))
      .filter((host) =>
        all
          .slice(all.indexOf(host))
          .some(
            (own) => isLatchkeyController(own.controller) && isSameMethod(own, host) && swallows(host.path, own.path),
          ),
      )
      .map(
        ({ method, path, controller, methodName }) =>
          `mountPath must be out of reach of ${RequestMethod[method]} ${path}, or ${controller.name}.${methodName} in a module ` +
          'that is imported after LatchkeyModule: on Express the first route that fits answers',
      );
  }

  /** The decorators of handlers and classes that ask for what does not exist, or contradict one another. */
  private unsoundRules(): string[] {
    return this.classes().flatMap((type) => {
      const methods = this.scanner.getAllMethodNames(type.prototype as object);
      const handlers = methods.map((name) => [name, (type.prototype as Record<string, () => unknown>)[name]!] as const);
      return [['', type] as const, ...handlers].flatMap(([name, place]) =>
        this.faultsOfRules(`${type.name}${name && `.${name}`}`, ownRulesOf(place)),
      );
    });
  }

  private faultsOfRules(place: string, rules: OwnRules): string[] {
    const unknown = (rules.permissions ?? [])
      .map(({ action, subject }) => `${subject}:${action}`)
      .filter((name) => !isOwnPermission(name) && !Object.hasOwn(this.settings.hostPermissions, name))
      .map((name) => `permissions must have '${name}', which ${place} asks for`);
    if (!rules.isPublic || !isDemanding(rules)) return unknown;
    return [...unknown, `${place} must not be @Public() and ask for something of the caller: take one of the two away`];
  }

  /** Controllers, gateways and resolvers: all classes that can have guarded handlers. */
  private classes(): Type[] {
    const wrappers = [...this.modules.values()].flatMap(({ controllers, providers }) => [
      ...controllers.values(),
      ...providers.values(),
    ]);
    const types = wrappers.filter(({ inject }) => inject === undefined).map(({ metatype }) => metatype as Type | null);
    return [...new Set(types)].filter((type): type is Type => typeof type === 'function' && !!type.prototype);
  }
}

function refuseFor(faults: string[]): void {
  if (faults.length > 0) throw new LatchkeyOptionsError(faults);
}

function isSameMethod(one: ApplicationRoute, other: ApplicationRoute): boolean {
  const all: number = RequestMethod.ALL;
  return one.method === other.method || one.method === all || other.method === all;
}
