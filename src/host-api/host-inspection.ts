import { Injectable, RequestMethod, type Type } from '@nestjs/common';
import { type AbstractHttpAdapter, HttpAdapterHost, MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import { isLatchkeyController } from '../common/http/latchkey-controller.decorator';
import { LatchkeyCoreModule } from '../latchkey-core.module';
import { LatchkeyOptionsError, LatchkeySettings } from '../latchkey.options';
import { isOwnPermission } from '../permissions/permission-catalogue';
import { RequiredPermission } from '../permissions/permission.guard';
import { type ApplicationRoute, ApplicationRoutesService, overlap, swallows } from './application-routes.service';

/** Checks the application around Latchkey, before it serves anything, for faults. */
@Injectable()
export class HostInspection {
  private readonly scanner = new MetadataScanner();

  constructor(
    private readonly modules: ModulesContainer,
    private readonly routes: ApplicationRoutesService,
    private readonly reflector: Reflector,
    private readonly settings: LatchkeySettings,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  /** For every application, with or without routes. @throws LatchkeyOptionsError that names every fault. */
  requireSound(): void {
    refuseFor([...this.secondModules(), ...this.unknownPermissions()]);
  }

  /** For an application with routes. @throws LatchkeyOptionsError that names every fault. */
  requireRoom(): void {
    refuseFor([...this.secondModules(), ...this.collisions(), ...this.swallowers(), ...this.unknownPermissions()]);
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
      .filter((host, index) =>
        all
          .slice(index)
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

  private unknownPermissions(): string[] {
    const isKnown = (name: string) =>
      name === 'any' || isOwnPermission(name) || Object.hasOwn(this.settings.hostPermissions, name);
    return this.classes().flatMap((type) => {
      const methods = this.scanner.getAllMethodNames(type.prototype as object);
      const targets = methods.map((name) => [name, (type.prototype as Record<string, () => unknown>)[name]!] as const);
      return targets
        .map(([name, handler]) => [name, this.reflector.get(RequiredPermission, handler)] as const)
        .concat([['', this.reflector.get(RequiredPermission, type)]])
        .filter(([, permission]) => permission !== undefined && !isKnown(permission))
        .map(
          ([name, permission]) =>
            `permissions must have '${permission}', which ${type.name}${name && `.${name}`} asks for with @Authorized`,
        );
    });
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
