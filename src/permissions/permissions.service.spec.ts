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
import type { Rule } from './rules/rule';
import { RuleSet } from './rules/rule-set';
import { ORGANIZATION_SUBJECTS } from './rules/subjects';

const settingsWith = (permissions: HostPermissions = {}) =>
  new LatchkeySettings({
    database: { url: 'postgres://localhost/x' },
    authSecret: randomBytes(48).toString('base64'),
    permissions,
  });
const service = new PermissionsService(settingsWith());

const IDENTITY = permissionsOn('identity');
const ORGANIZATION = permissionsOn('organization');
const CATALOGUE = permissionsIn(ORGANIZATION_SUBJECTS);
const EVERYTHING = [...ORGANIZATION, ...CATALOGUE];
const OF_MEMBER = [
  ...IDENTITY.filter((permission) => permission !== 'identity:grant-privileges'),
  ...['role:read', 'project:create', 'workspace:create', 'member:read', 'groups:read', 'settings:read'],
  ...['incident-contact:read', 'audit-logs:read', 'billing:read'],
  ...['secret-scanning:read', 'secret-scanning:create', 'secret-scanning:edit', 'secret-scanning:delete'],
  'app-connections:connect',
  ...['list', 'unlink', 'attach'].map((verb) => `machine-identity-auth-template:${verb}-templates`),
  ...['create', 'list', 'attach'].map((verb) => `gateway:${verb}-gateways`),
  ...['create', 'list', 'edit'].map((verb) => `relay:${verb}-relays`),
];

function permissionsIn(subjects: Record<string, readonly string[]>): string[] {
  return Object.entries(subjects).flatMap(([subject, actions]) => actions.map((action) => `${subject}:${action}`));
}

const somebody = (role: string, isInstanceAdmin = false): Privileges => ({ role, isInstanceAdmin });
const roles = fc.constantFrom(...ROLES, 'custom', '', 'Admin', 'constructor', '__proto__');
const people = fc.record({ role: roles, isInstanceAdmin: fc.boolean() });
const permissions = fc.constantFrom(...(EVERYTHING as Permission[]));

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
      role: ['read', 'create', 'edit', 'delete'],
      organization: ['read', 'create'],
      project: ['create'],
      workspace: ['create'],
      'audit-logs': ['read', 'edit'],
    });
  });

  it.each<[string, boolean, string[]]>([
    ['admin', false, CATALOGUE],
    ['admin', true, EVERYTHING],
    ['member', false, OF_MEMBER],
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
    expect(EVERYTHING.filter((permission) => service.isAllowed(holder, permission)).sort()).toEqual(
      [...expected].sort(),
    );
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

describe('a role that an organization has made', () => {
  const holderOf = (rules: Rule[], more: Partial<Privileges> = {}): Privileges => ({
    role: 'deployer',
    rules: new RuleSet(rules),
    isInstanceAdmin: false,
    ...more,
  });
  const subjectsOfRules = fc.constantFrom('identity', 'role', 'gateway', 'reports');
  const actions = fc.uniqueArray(fc.constantFrom('read', 'create', 'edit', 'list-gateways'), { minLength: 1 });
  const ruleLists = fc.array(fc.record({ subject: subjectsOfRules, action: actions, inverted: fc.boolean() }), {
    maxLength: 6,
  });
  const tokens = fc.option(fc.dictionary(fc.constantFrom('identity', 'role', 'reports'), actions, { maxKeys: 3 }), {
    nil: null,
  });
  const holders = fc
    .record({ rules: ruleLists, permissions: tokens })
    .map(({ rules, permissions }) => holderOf(rules, { permissions }));

  it('holds exactly its rules, whatever a built-in role of the same name would, and no part of Latchkey beyond them', () => {
    const holder = holderOf([{ subject: 'identity', action: ['read', 'create-token'] }], { role: 'admin' });
    expect(service.permissionsOf(holder)).toEqual(['identity:read', 'identity:create-token']);
    expect(service.isAllowed(holder, 'identity:edit')).toBe(false);
    expect(service.isAllowed({ ...holder, isInstanceAdmin: true }, 'organization:read')).toBe(true);
    expect(service.isAllowed(holderOf([]), 'identity:read')).toBe(false);
  });

  it('is covered by a caller only if the caller has everything that it allows, whatever the tokens of both may do', () => {
    const asked = [
      ['identity', 'read'],
      ['identity', 'edit'],
      ['role', 'create'],
      ['reports', 'read'],
      ['gateway', 'list-gateways'],
    ];
    fc.assert(
      fc.property(holders, holders, (caller, target) => {
        const missing = service.missing(caller, target).map(({ action, subject }) => `${subject}:${action}`);
        for (const [subject, action] of asked as [string, string][]) {
          const isBeyond = service.holds(target, action, subject) && !service.holds(caller, action, subject);
          expect(missing.includes(`${subject}:${action}`)).toBe(isBeyond);
        }
      }),
    );
  });

  it('leaves a permission that a host has declared to the host, where the role is built in', () => {
    const hosts = new PermissionsService(settingsWith({ 'settings:read': ['no-access'], 'reports:read': [] }));
    const may = (role: string) => hosts.isAllowed({ role, isInstanceAdmin: false }, 'settings:read');
    expect(['admin', 'member', 'no-access'].map(may)).toEqual([false, false, true]);
    expect(hosts.subjects.reports).toEqual(['read']);
    expect(hosts.subjects.settings).toEqual(['read', 'create', 'edit', 'delete']);
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

  // Seen red: a token made its holder's role wider by what no route of Latchkey asks for yet, and could be handed on as a role.
  it('counts what only a role gives as missing, whatever the token says, unless the host has declared it', () => {
    const caller = { ...somebody('no-access'), permissions: { settings: ['edit'], files: ['read'] } };
    const rules = [
      { subject: 'settings', action: ['edit'] },
      { subject: 'files', action: ['read'] },
    ];
    expect(service.holds(caller, 'edit', 'settings')).toBe(false);
    expect(() => service.requireCovered(caller, rules, 'create role')).toThrow(
      expect.objectContaining({
        response: expect.objectContaining({
          details: { missingPermissions: [{ action: 'edit', subject: 'settings' }] },
        }),
      }),
    );
    const declared = new PermissionsService(settingsWith({ 'settings:edit': ['admin'] }));
    expect(() => declared.requireCovered(caller, rules, 'create role')).not.toThrow();
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
          details: {
            missingPermissions: CATALOGUE.filter((permission) => !OF_MEMBER.includes(permission)).map(ruleOf),
          },
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
