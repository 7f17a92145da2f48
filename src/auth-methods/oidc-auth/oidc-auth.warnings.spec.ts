import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import type { ClaimRules } from '../federation/claim-rules';
import type { UpdateOidcAuthDto } from './dto/oidc-auth.dtos';
import { mergeSettings } from './oidc-auth.config';
import { warningsOf } from './oidc-auth.warnings';

const GITHUB = 'https://token.actions.githubusercontent.com';
const rules = (more: Partial<ClaimRules>): ClaimRules => ({
  ...{ boundIssuer: 'https://issuer.test', boundSubject: '', boundAudiences: '', boundClaims: {} },
  ...more,
});

describe('a configuration', () => {
  it.each<Partial<ClaimRules>>([
    { boundIssuer: GITHUB, boundAudiences: 'https://github.com/acme' },
    { boundIssuer: GITHUB, boundSubject: 'repo:acme*' },
    { boundIssuer: GITHUB, boundSubject: 'repo:acme-*/app:ref:refs/heads/main' },
    { boundIssuer: GITHUB, boundSubject: 'repo:{acme,*}/app:*' },
    { boundIssuer: GITHUB, boundSubject: '*:ref:refs/heads/main' },
    { boundIssuer: GITHUB, boundClaims: { repository: '*/app' } },
    { boundIssuer: GITHUB, boundClaims: { repository: 'acme/app, */app' } },
    { boundIssuer: GITHUB, boundClaims: { repository_owner: 'acme*' } },
    { boundIssuer: GITHUB, boundClaims: { ref: 'refs/heads/main', event_name: 'push' } },
    { boundIssuer: GITHUB, boundClaims: { job_workflow_ref: 'acme/ci/.github/workflows/deploy.yml@refs/heads/main' } },
    { boundIssuer: 'https://gitlab.com', boundSubject: 'project_path:*:ref_type:branch:ref:main' },
    { boundIssuer: 'https://gitlab.com', boundClaims: { ref_protected: 'true' } },
    { boundIssuer: 'https://agent.buildkite.com', boundSubject: 'organization:acme*' },
    { boundIssuer: 'https://app.terraform.io', boundClaims: { terraform_run_phase: 'apply' } },
    { boundAudiences: 'latchkey' },
    { boundSubject: '*:main' },
    { boundClaims: { iss: 'https://issuer.test' }, boundAudiences: 'latchkey' },
  ])('that lets in strangers is warned of: %j', (more) => {
    expect(warningsOf(rules(more))).toHaveLength(1);
  });

  it.each<Partial<ClaimRules>>([
    { boundIssuer: GITHUB, boundSubject: 'repo:acme/*' },
    { boundIssuer: GITHUB, boundSubject: 'repo:acme@42/app@7:environment:production' },
    { boundIssuer: GITHUB, boundClaims: { repository_owner_id: '42' } },
    { boundIssuer: GITHUB, boundClaims: { repository: 'acme/app, acme/web-*' } },
    { boundIssuer: GITHUB, boundClaims: { sub: 'repo:acme/app:*' } },
    { boundIssuer: 'https://gitlab.com', boundSubject: 'project_path:acme/*:ref_type:branch:ref:main' },
    { boundIssuer: 'https://gitlab.com', boundClaims: { namespace_id: '42', ref_protected: 'true' } },
    { boundIssuer: 'https://agent.buildkite.com', boundSubject: 'organization:acme:pipeline:*' },
    { boundIssuer: 'https://app.terraform.io', boundSubject: 'organization:acme:project:*' },
    { boundSubject: 'build:*' },
    { boundClaims: { team: 'infra' } },
  ])('that names who may log in is not: %j', (more) => {
    expect(warningsOf(rules(more))).toEqual([]);
  });
});

describe('the documentation', () => {
  const text = readFileSync(path.join(__dirname, '../../../docs/oidc-auth.md'), 'utf8');
  const [, ...sections] = text.split('\n### ');
  const settingsOf = (section: string, found: UpdateOidcAuthDto | Record<string, string>) => {
    const boundIssuer = /Issuer[^`]*`(https:[^`]+)`/.exec(section)?.[1] ?? 'https://cluster.example';
    const bound = 'boundSubject' in found ? found : { boundClaims: found };
    return mergeSettings({ oidcDiscoveryUrl: boundIssuer, boundIssuer, ...(bound as UpdateOidcAuthDto) }).config;
  };

  it('recommends for each platform what would be accepted, and not be warned of', () => {
    const recommended = sections.map((section) => {
      const [, block = ''] = /```json\n([^]*?)```/.exec(section) ?? [];
      return warningsOf(settingsOf(section, JSON.parse(block) as UpdateOidcAuthDto));
    });
    expect(recommended).toEqual(Array.from({ length: 8 }, () => []));
  });

  it('warns where Latchkey does: of patterns that let in other organizations', () => {
    const careless = sections.flatMap((section) =>
      [...section.matchAll(/`("boundSubject": "[^"]+")`/g)].map(([, pair]) =>
        warningsOf(settingsOf(section, JSON.parse(`{${pair}}`) as UpdateOidcAuthDto)),
      ),
    );
    expect(careless.map((warnings) => warnings.length)).toEqual([1, 1, 1]);
  });
});
