import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { AccessTokensApiModule } from './access-tokens/api/access-tokens-api.module';
import { AccessTokensModule } from './access-tokens/access-tokens.module';
import { AUTH_METHOD_MODULES } from './auth-methods/auth-method-list';
import { faultsOfAuthMethods } from './auth-methods/auth-method.module';
import {
  isSecurityEventsOption,
  SecurityEventsModule,
  type SecurityEventsOption,
} from './auth-methods/pipeline/security-events.module';
import { SecurityEvents } from './auth-methods/pipeline/security-events';
import { AuditLogApiModule } from './audit-log/audit-log-api.module';
import { AuditLogModule } from './audit-log/audit-log.module';
import { ConsoleModule } from './console/console.module';
import { ChangesModule } from './changes/changes.module';
import { HealthModule } from './health/health.module';
import { faultsOf, flag, isObject, must, type OptionTable, withDefaults } from './common/option-rules';
import { HostApiModule } from './host-api/host-api.module';
import { IdentitiesModule } from './identities/identities.module';
import { InstallationModule } from './installation/installation.module';
import { LatchkeyCoreModule } from './latchkey-core.module';
import { type ASYNC_OPTIONS_TYPE, type OPTIONS_TYPE } from './latchkey.module-definition';
import { MaintenanceModule } from './maintenance/maintenance.module';
import { LatchkeyOptionsError } from './latchkey.options';
import { ManagedTokensModule } from './managed-tokens/managed-tokens.module';
import { OrganizationsModule } from './organizations/organizations.module';
import { PermissionsModule } from './permissions/permissions.module';
import { ProjectsModule } from './projects/projects.module';
import { RolesModule } from './roles/roles.module';
import { TokenAuthModule } from './token-auth/token-auth.module';

/** The options that shape the module graph. They must be known before any factory runs. */
export interface LatchkeyExtras {
  /**
   * Whether to mount the REST API. Without it, only the guard, its decorators and the services exist.
   *
   * @default true
   */
  readonly controllers?: boolean;
  /**
   * The path of the REST API: `/latchkey` makes it `/latchkey/api/v1/...`, after the application's global prefix, like any
   * other route. Clients use that address as their site URL. No parameters or wildcards.
   *
   * @default '' (the API is at `/api/v1/...`)
   */
  readonly mountPath?: string;
  /**
   * Whether to serve the web console at `console`, below the mount path. It is a page for people, and uses the REST API beside it.
   * A script of any page of the same origin could use the console's session, so give it a host name of its own.
   *
   * @default false
   */
  readonly console?: boolean;
  /**
   * The application's own auth methods, each made by `authMethodModule`, beside those of Latchkey.
   *
   * @default []
   */
  readonly authMethods?: readonly Type[];
  /**
   * The class that receives the security events of logins. It extends `SecurityEvents`.
   * @default they are logged
   */
  readonly securityEvents?: SecurityEventsOption;
}

const REST_MODULES: Type[] = [
  AccessTokensApiModule,
  HealthModule,
  InstallationModule,
  OrganizationsModule,
  IdentitiesModule,
  RolesModule,
  ProjectsModule,
  TokenAuthModule,
  ManagedTokensModule,
  AuditLogApiModule,
];

/**
 * Machine identities and access tokens for a Nest application. Import it once, in the root module; its guards and services are
 * then available everywhere.
 */
@Module({
  imports: [AccessTokensModule, AuditLogModule, ChangesModule, MaintenanceModule, PermissionsModule, HostApiModule],
  exports: [AccessTokensModule, PermissionsModule, HostApiModule],
})
export class LatchkeyModule {
  /**
   * Sets up Latchkey with options that are known now.
   *
   * @throws LatchkeyOptionsError that names every invalid option; some are checked when the application starts.
   */
  static forRoot(options: typeof OPTIONS_TYPE & LatchkeyExtras): DynamicModule {
    const [shape, rest] = apart(options, 'forRoot');
    return this.around(LatchkeyCoreModule.forRoot(rest as unknown as typeof OPTIONS_TYPE), shape);
  }

  /**
   * Sets up Latchkey with options that a factory or class of the application provides.
   *
   * @param options `useFactory`, `useClass` or `useExisting`, and beside it `controllers`, `mountPath` and `authMethods`.
   * @throws LatchkeyOptionsError that names every invalid option; those of the factory are checked when the application starts.
   */
  static forRootAsync(options: typeof ASYNC_OPTIONS_TYPE & LatchkeyExtras): DynamicModule {
    const [shape, rest] = apart(options, 'forRootAsync');
    const isProvided = ['useFactory', 'useClass', 'useExisting'].some((name) => typeof rest[name] === 'function');
    const faults = Object.keys(rest).filter((name) => !ASYNC_NAMES.includes(name));
    if (!isProvided || faults.length > 0)
      throw new LatchkeyOptionsError([
        ...(isProvided ? [] : ['forRootAsync must be given useFactory, useClass or useExisting']),
        ...faults.map(
          (name) => `${name} is not an option of forRootAsync: return Latchkey's own options from the factory`,
        ),
      ]);
    return this.around(LatchkeyCoreModule.forRootAsync(rest), shape);
  }

  private static around(core: DynamicModule, extras: LatchkeyExtras): DynamicModule {
    const { controllers, mountPath, console: hasConsole, authMethods, securityEvents } = withDefaults(EXTRAS, extras);
    const events = SecurityEventsModule.with(securityEvents);
    const children = [...REST_MODULES, ...AUTH_METHOD_MODULES, ...authMethods, ...(hasConsole ? [ConsoleModule] : [])];
    const mounted = mountPath === '' ? [] : [RouterModule.register([{ path: mountPath, children }])];
    return { module: LatchkeyModule, imports: [core, events, ...(controllers ? [...children, ...mounted] : [])] };
  }
}

const ASYNC_NAMES = ['imports', 'inject', 'useFactory', 'useClass', 'useExisting', 'provideInjectionTokensFrom'];

/**
 * Separates the options that shape the module graph from all others. @throws LatchkeyOptionsError when the shape is invalid.
 */
function apart(options: unknown, method: string): [LatchkeyExtras, Record<string, unknown>] {
  if (!isObject(options)) throw new LatchkeyOptionsError([`${method} must be given an object with the options`]);
  const { controllers, mountPath, console, authMethods, securityEvents, ...rest } = options;
  const shape = { controllers, mountPath, console, authMethods, securityEvents };
  const faults = faultsOf(EXTRAS, shape);
  if (faults.length === 0 && controllers === false) faults.push(...needingControllers(shape));
  if (faults.length > 0) throw new LatchkeyOptionsError(faults);
  return [shape as LatchkeyExtras, rest];
}

/** The options that ask for routes, where there are none. */
function needingControllers({ mountPath, console }: Record<string, unknown>): string[] {
  const isMounted = mountPath !== undefined && mountPath !== '';
  return [
    ...(isMounted ? ['mountPath must be left out with controllers: false, which mounts nothing'] : []),
    ...(console === true ? ['console must be left out with controllers: false: its page uses the REST API'] : []),
  ];
}

/** The default and the rule of each. */
const EXTRAS = {
  controllers: { default: true, rule: flag() },
  mountPath: { default: '', rule: must('be a path such as /latchkey, without parameters or wildcards', isPath) },
  console: { default: false, rule: flag() },
  authMethods: {
    default: [],
    rule: (name, value) =>
      Array.isArray(value)
        ? faultsOfAuthMethods([...AUTH_METHOD_MODULES, ...(value as Type[])])
        : [`${name} must be a list`],
  },
  securityEvents: {
    default: { useClass: SecurityEvents },
    rule: must('be { useClass: a class that extends SecurityEvents, imports?: modules }', isSecurityEventsOption),
  },
} satisfies OptionTable<LatchkeyExtras>;

function isPath(text: unknown): boolean {
  if (typeof text !== 'string' || !/^(\/?[\w.~-]+(\/[\w.~-]+)*)?\/?$/.test(text)) return false;
  return !text.split('/').some((segment) => segment === '.' || segment === '..');
}
