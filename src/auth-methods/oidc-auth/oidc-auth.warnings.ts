import { ClaimPattern } from '../federation/claim-pattern';
import { type ClaimRules, entriesOf, listsOfWorkload } from '../federation/claim-rules';

/** An issuer whose tokens belong to many organizations, and what tells one's own from those of strangers. */
interface SharedIssuer {
  readonly name: string;
  /** The word for its organizations there. */
  readonly tenant: string;
  /** How a pattern for the subject begins that names one organization. */
  readonly subject: RegExp;
  /** The claims that name one organization, or a part of it, and how a pattern that does so begins. */
  readonly claims: Readonly<Record<string, RegExp>>;
}

// No wildcard in them, and no character that could begin one.
const EXACT = /^[^*?{}\\]+$/;
const FIRST_PART = /^[^*?{}\\/]+\//;

const SHARED_ISSUERS: Readonly<Record<string, SharedIssuer>> = {
  'https://token.actions.githubusercontent.com': {
    name: 'GitHub Actions',
    tenant: 'owner',
    subject: /^repo:[^*?{}\\/:]+\//,
    claims: {
      repository: FIRST_PART,
      repository_id: EXACT,
      repository_owner: EXACT,
      repository_owner_id: EXACT,
      enterprise_id: EXACT,
    },
  },
  'https://gitlab.com': {
    name: 'GitLab',
    tenant: 'group',
    subject: /^project_path:[^*?{}\\/:]+\//,
    claims: {
      project_path: FIRST_PART,
      namespace_path: /^[^*?{}\\/]+(\/|$)/,
      project_id: EXACT,
      namespace_id: EXACT,
    },
  },
  'https://agent.buildkite.com': {
    name: 'Buildkite',
    tenant: 'organization',
    subject: /^organization:[^*?{}\\:]+:/,
    claims: { organization_slug: EXACT, organization_id: EXACT, pipeline_id: EXACT },
  },
  'https://app.terraform.io': {
    name: 'HCP Terraform',
    tenant: 'organization',
    subject: /^organization:[^*?{}\\:]+:/,
    claims: {
      terraform_organization_name: EXACT,
      terraform_organization_id: EXACT,
      terraform_project_id: EXACT,
      terraform_workspace_id: EXACT,
    },
  },
};

/** How rules could let in workloads of strangers, in sentences for an administrator. */
export function warningsOf(rules: ClaimRules): string[] {
  const { boundSubject, boundAudiences, boundClaims, boundIssuer } = rules;
  const issuer = SHARED_ISSUERS[boundIssuer];
  if (issuer && !namesTenant(issuer, rules)) {
    const { name, tenant } = issuer;
    return [`Tokens of every ${tenant} of ${name} can log in: bind a subject or a claim that names yours.`];
  }
  const isBoundBySubject = boundSubject !== '' && !isOpen(boundSubject);
  const isBoundByClaim = listsOfWorkload(boundClaims).some((list) => list.length > 0 && !list.some(isOpen));
  if (isBoundBySubject || isBoundByClaim) return [];
  return boundAudiences === ''
    ? ['The patterns begin with wildcards: names that others choose can match them.']
    : ['Only the audience is bound, and others may ask the issuer for the same one: bind a subject or a claim too.'];
}

function namesTenant({ subject, claims }: SharedIssuer, { boundSubject, boundClaims }: ClaimRules): boolean {
  const isBound = ([claim, start]: [string, RegExp]) => {
    const entries = entriesOf(boundClaims[claim] ?? '');
    return entries.length > 0 && entries.every((entry) => start.test(entry));
  };
  return subject.test(boundSubject) || Object.entries({ ...claims, sub: subject }).some(isBound);
}

/** Whether a pattern says nothing about how a text begins. */
function isOpen(pattern: string): boolean {
  return /^[*?]/.test(pattern) || (ClaimPattern.parse(pattern)?.isEverything ?? true);
}
