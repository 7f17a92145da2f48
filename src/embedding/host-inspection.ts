import { Injectable, RequestMethod, type Type } from '@nestjs/common';
import { MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import { isLatchkeyController } from '../common/http/latchkey-controller.decorator';
import { LatchkeyCoreModule } from '../latchkey-core.module';
import { LatchkeyOptionsError, LatchkeySettings } from '../latchkey.options';
import { isOwnPermission } from '../permissions/permission-catalogue';
import { RequiredPermission } from '../permissions/permission.guard';
import { type ApplicationRoute, ApplicationRoutes, overlap } from './application-routes';

/** Looks at the application around Latchkey, before it serves anything, for what cannot work. */
@Injectable()
export class HostInspection {
  private readonly scanner = new MetadataScanner();

  constructor(
    private readonly modules: ModulesContainer,
    private readonly routes: ApplicationRoutes,
    private readonly reflector: Reflector,
    private readonly settings: LatchkeySettings,
  ) {}

  /** @throws LatchkeyOptionsError that says everything at fault. */
  requireSound(): void {
    const faults = [...this.secondModules(), ...this.collisions(), ...this.unknownPermissions()];
    if (faults.length > 0) throw new LatchkeyOptionsError(faults);
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

  /** Controllers, gateways, resolvers: whatever can have guarded handlers. */
  private classes(): Type[] {
    const wrappers = [...this.modules.values()].flatMap(({ controllers, providers }) => [
      ...controllers.values(),
      ...providers.values(),
    ]);
    const types = wrappers.filter(({ inject }) => inject === undefined).map(({ metatype }) => metatype as Type | null);
    return [...new Set(types)].filter((type): type is Type => typeof type === 'function' && !!type.prototype);
  }
}

function isSameMethod(one: ApplicationRoute, other: ApplicationRoute): boolean {
  const all: number = RequestMethod.ALL;
  return one.method === other.method || one.method === all || other.method === all;
}
