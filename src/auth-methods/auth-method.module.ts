import { Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { IdentitiesModule } from '../identities/identities.module';
import type { AuthMethodDefinition, LoginDefinition } from './auth-method.definition';
import { AuthMethodsModule } from './auth-methods.module';
import { configurationController } from './configuration/configuration.controller';
import { lockoutsController } from './pipeline/lockouts.controller';
import { loginController } from './pipeline/login.controller';

/** The parts of a method's module: its login, and its providers, imports and controllers. */
export interface AuthMethodParts extends Pick<ModuleMetadata, 'imports' | 'providers'> {
  readonly login: LoginDefinition;
  /** Controllers with routes that only this method has. */
  readonly controllers?: Type[];
}

const definitions = new WeakMap<Type, AuthMethodDefinition>();

/** Makes the module of an auth method: its routes, its behaviour, and the parts that those need. List it in `authMethods`. */
export function authMethodModule(definition: AuthMethodDefinition, parts: AuthMethodParts): Type {
  const { login, controllers = [], imports = [], providers = [] } = parts;

  @Module({
    imports: [AuthMethodsModule, IdentitiesModule, ...imports],
    controllers: [
      loginController(definition, login),
      configurationController(definition, login.method),
      ...(definition.hasLockouts ? [lockoutsController(definition)] : []),
      ...controllers,
    ],
    providers: [login.method, ...providers],
  })
  class AuthMethodModule {}

  Object.defineProperty(AuthMethodModule, 'name', { value: `${definition.title.replaceAll(' ', '')}Module` });
  definitions.set(AuthMethodModule, definition);
  return AuthMethodModule;
}

/** The definition a module was made from; undefined for other modules. */
export function definitionOf(module: Type): AuthMethodDefinition | undefined {
  return definitions.get(module);
}

/** The faults of a list of methods: invalid or duplicate names. */
export function faultsOfAuthMethods(modules: readonly Type[]): string[] {
  const slugs = modules.map((module) => definitions.get(module)?.slug);
  return slugs.flatMap((slug, index) => {
    if (slug === undefined) return [`authMethods: ${modules[index]?.name} is not made by authMethodModule`];
    if (!/^[a-z][a-z0-9-]{0,62}$/.test(slug)) return ['authMethods: a slug is lower case, such as badge-auth'];
    const isTaken = slug === 'token-auth' || slugs.indexOf(slug) < index;
    return isTaken ? [`authMethods: ${slug} is there already`] : [];
  });
}
