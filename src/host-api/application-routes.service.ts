import { Injectable, type Type } from '@nestjs/common';
import { MODULE_PATH, PATH_METADATA, VERSION_METADATA } from '@nestjs/common/constants';
import { ApplicationConfig, MetadataScanner, ModulesContainer } from '@nestjs/core';
import { PathsExplorer } from '@nestjs/core/router/paths-explorer';
import { RoutePathFactory } from '@nestjs/core/router/route-path-factory';

type Module = ModulesContainer extends Map<string, infer Value> ? Value : never;
type PathMetadata = Parameters<RoutePathFactory['create']>[0];
type VersionValue = PathMetadata['controllerVersion'];

/** A route as the router will register it. */
export interface ApplicationRoute {
  readonly controller: Type;
  readonly methodName: string;
  /** By its number in `RequestMethod`. */
  readonly method: number;
  readonly path: string;
}

/** The routes of all controllers, before the router registers them: with prefixes and versions, composed as Nest does. */
@Injectable()
export class ApplicationRoutesService {
  private readonly explorer = new PathsExplorer(new MetadataScanner());

  constructor(
    private readonly modules: ModulesContainer,
    private readonly config: ApplicationConfig,
  ) {}

  all(): ApplicationRoute[] {
    return [...this.modules.values()].flatMap((module) =>
      [...module.controllers.values()].flatMap(({ metatype }) => this.routesOf(module, metatype as Type<object>)),
    );
  }

  private routesOf(module: Module, controller: Type<object>): ApplicationRoute[] {
    const versioningOptions = this.config.getVersioning();
    const paths = new RoutePathFactory(this.config);
    const about: PathMetadata = {
      globalPrefix: this.config.getGlobalPrefix(),
      modulePath: this.modulePathOf(module),
      controllerVersion: versionOf(controller) ?? versioningOptions?.defaultVersion,
      versioningOptions,
    };
    const prototype = controller.prototype as object;
    const ctrlPaths = [Reflect.getMetadata(PATH_METADATA, controller) as string | string[]].flat();
    return this.explorer
      .scanForPaths(Object.create(prototype) as object, prototype)
      .flatMap(({ path, requestMethod, methodName, version: methodVersion }) =>
        ctrlPaths
          .flatMap((ctrlPath) =>
            path.map((methodPath): PathMetadata => ({ ...about, ctrlPath, methodPath, methodVersion })),
          )
          .flatMap((metadata) => paths.create(metadata, requestMethod))
          .map((full) => ({ controller, methodName, method: requestMethod, path: full })),
      );
  }

  private modulePathOf({ metatype }: Module): string | undefined {
    const own: unknown = Reflect.getMetadata(MODULE_PATH + this.modules.applicationId, metatype);
    return (own ?? Reflect.getMetadata(MODULE_PATH, metatype)) as string | undefined;
  }
}

function versionOf(controller: Type): VersionValue | undefined {
  return Reflect.getMetadata(VERSION_METADATA, controller) as VersionValue | undefined;
}

/** Whether two paths without wildcards can match the same request, segment by segment. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => path.toLowerCase().split('/'));
  if (a?.length !== b?.length || isWildcard(one) || isWildcard(other)) return false;
  return a!.every((segment, index) => segment === b![index] || segment.includes(':') || b![index]!.includes(':'));
}

/**
 * Whether every request for the second path also matches the first: equal segments, or parameters where the second has words or
 * parameters.
 */
export function covers(one: string, path: string): boolean {
  const [general, special] = [one, path].map((text) => text.toLowerCase().split('/'));
  if (general!.length !== special!.length) return false;
  return general!.every((segment, index) => segment.startsWith(':') || segment === special![index]);
}

/** Whether a path with a wildcard matches requests for another: `/{*path}` all of them, `/pages/*path` some. */
export function swallows(wildcard: string, path: string): boolean {
  if (!isWildcard(wildcard)) return false;
  const source = wildcard
    .replace(/[.+?^$()|[\]\\]/g, '\\$&')
    .replaceAll('{', '(?:')
    .replaceAll('}', ')?')
    .replace(/\*\w*/g, '.+')
    .replace(/:\w+/g, '[^/]+');
  return new RegExp(`^${source}/?$`, 'i').test(path);
}

function isWildcard(path: string): boolean {
  return /[*{]/.test(path);
}
