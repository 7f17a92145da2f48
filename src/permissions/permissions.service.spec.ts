import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { LatchkeySettings } from '../latchkey.options';
import {
  type HostPermissions,
  type Permission,
  PERMISSION_CATALOGUE,
  permissionsOn,
  ruleOf,
} from './permission-catalogue';
import { InstanceAdminRequiredError, PermissionBoundaryError } from './permissions.errors';
import { PermissionsService, type Privileges } from './permissions.service';
import { isRole, ROLES } from './roles';

const settingsWith = (permissions: HostPermissions = {}) =>
  new LatchkeySettings({
    database: { url: 'postgres://localhost/x' },
    authSecret: randomBytes(48).toString('base64'),
    permissions,
  });
const service = new PermissionsService(settingsWith());

const IDENTITY = permissionsOn('identity');
const ORGANIZATION = permissionsOn('organization');
const EVERYTHING = [...IDENTITY, ...ORGANIZATION];

const somebody = (role: string, isInstanceAdmin = false): Privileges => ({ role, isInstanceAdmin });
const roles = fc.constantFrom(...ROLES, 'custom', '', 'Admin', 'constructor', '__proto__');
const people = fc.record({ role: roles, isInstanceAdmin: fc.boolean() });
const permissions = fc.constantFrom<Permission>(...EVERYTHING);

describe('the catalogue of permissions', () => {
  it('holds exactly what the contract names', () => {
    expect(PERMISSION_CATALOGUE).toEqual({
      identity: [
        'read',
        'create',
        'edit',
        'delete',
        'grant-privileges',
        'edit-auth',
        'revoke-auth',
        'create-token',
        'get-token',
        'delete-token',
      ],
      organization: ['read', 'create'],
    });
  });

  it.each<[string, boolean, Permission[]]>([
    ['admin', false, IDENTITY],
    ['admin', true, EVERYTHING],
    ['member', false, IDENTITY.filter((permission) => permission !== 'identity:grant-privileges')],
    ['no-access', false, []],
    ['no-access', true, ORGANIZATION],
    ['custom', false, []],
    ['Admin', false, []],
    ['admin ', false, []],
    ['', false, []],
    ['__proto__', false, []],
    ['constructor', false, []],
  ])('gives the role %j (instance admin: %s) exactly %j', (role, isInstanceAdmin, expected) => {
    const holder = somebody(role, isInstanceAdmin);
    expect(service.permissionsOf(holder)).toEqual(expected);
    expect(EVERYTHING.filter((permission) => service.isAllowed(holder, permission))).toEqual(expected);
  });

  it('knows its three roles and no other', () => {
    expect(['admin', 'member', 'no-access'].every(isRole)).toBe(true);
    expect(['', 'owner', 'ADMIN', 'toString', '__proto__'].some(isRole)).toBe(false);
  });
});

describe('the abilities that are kept', () => {
  // Two tenants' roles of one name, or one role before and after a change: the slug is the same, the rules are not.
  const read = { 'reports:read': ['auditor', 'member'] };
  const settings = { hostPermissions: read } as { hostPermissions: HostPermissions };
  const permissionsService = new PermissionsService(settings);
  const mayRead = (role: string) => permissionsService.isAllowed(somebody(role), 'reports:read');

  it('are those of built-in roles alone: any other slug may mean another role in the next organization', () => {
    expect(['auditor', 'member'].map(mayRead)).toEqual([true, true]);
    settings.hostPermissions = {};
    expect(['auditor', 'member'].map(mayRead)).toEqual([false, true]);
  });
});

describe('the privilege boundary', () => {
  it('lets nobody act on somebody who holds more', () => {
    fc.assert(
      fc.property(people, people, permissions, (caller, target, permission) => {
        const coversAll = service.permissionsOf(target).every((held) => service.isAllowed(caller, held));
        const isAbove = target.isInstanceAdmin && !caller.isInstanceAdmin;
        const isFree = coversAll && !isAbove && service.isAllowed(caller, permission);
        const attempt = () => service.requirePrivileges(caller, target, { what: 'act on identity', permission });
        if (isFree) expect(attempt).not.toThrow();
        else expect(attempt).toThrow(isAbove ? InstanceAdminRequiredError : PermissionBoundaryError);
      }),
    );
  });

  it('says exactly which permissions are missing', () => {
    fc.assert(
      fc.property(people, people, (caller, target) => {
        const held = service.permissionsOf(caller).map(ruleOf);
        const expected = service
          .permissionsOf(target)
          .map(ruleOf)
          .filter((rule) => !held.some(({ action, subject }) => action === rule.action && subject === rule.subject));
        expect(service.missing(caller, target)).toEqual(expected);
      }),
    );
  });

  it('is nothing anybody misses about themselves', () => {
    fc.assert(fc.property(people, (anyone) => expect(service.missing(anyone, anyone)).toEqual([])));
  });

  it('answers with the words of the contract', () => {
    const attempt = { what: 'create token for identity', permission: 'identity:create-token' } as const;
    expect(() => service.requirePrivileges(somebody('member'), somebody('admin'), attempt)).toThrow(
      expect.objectContaining({
        response: {
          statusCode: 403,
          error: 'PermissionBoundaryError',
          message:
            'Failed to create token for identity with more privileged role. Actor privilege level is not high enough to perform this action',
          details: { missingPermissions: [{ action: 'grant-privileges', subject: 'identity' }] },
        },
      }),
    );
  });

  it('names the permission for the act itself first, when that is missing too', () => {
    const attempt = { what: 'create token for identity', permission: 'identity:create-token' } as const;
    expect(() => service.requirePrivileges(somebody('no-access'), somebody('no-access'), attempt)).toThrow(
      expect.objectContaining({
        response: expect.objectContaining({
          details: { missingPermissions: [{ action: 'create-token', subject: 'identity' }] },
        }),
      }),
    );
  });

  it('keeps instance admins for instance admins, however much an organization admin holds', () => {
    const attempt = { what: 'update identity', permission: 'identity:edit' } as const;
    expect(() => service.requirePrivileges(somebody('admin'), somebody('no-access', true), attempt)).toThrow(
      InstanceAdminRequiredError,
    );
    expect(() => service.requirePrivileges(somebody('admin', true), somebody('admin', true), attempt)).not.toThrow();
  });
});
