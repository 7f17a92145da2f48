import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inSchemaOf } from '../src/database/schema';

/** Organizations, identities, their auth methods and their access tokens. */
export class CreateSchema1764000000000 implements MigrationInterface {
  name = 'CreateSchema1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [ORGANIZATIONS, IDENTITIES, MEMBERSHIPS, AUTH_METHODS, ACCESS_TOKENS, INSTANCE]) {
      await runner.query(inSchemaOf(runner, statement));
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(inSchemaOf(runner, DROP));
  }
}

const DROP = `
  DROP TABLE latchkey.users, latchkey.instance, latchkey.identity_access_tokens, latchkey.identity_auth_methods,
             latchkey.organization_memberships, latchkey.identity_metadata, latchkey.identities, latchkey.organizations`;

const TIMES = `
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now()`;

const ORGANIZATIONS = `
  CREATE TABLE latchkey.organizations (
    id   uuid CONSTRAINT pk_organizations PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    slug text NOT NULL CONSTRAINT uq_organizations_slug UNIQUE,
    ${TIMES}
  )`;

const IDENTITIES = `
  CREATE TABLE latchkey.identities (
    id                    uuid    CONSTRAINT pk_identities PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id       uuid    NOT NULL CONSTRAINT fk_identities_organization
                                  REFERENCES latchkey.organizations (id) ON DELETE CASCADE,
    name                  text    NOT NULL,
    has_delete_protection boolean NOT NULL DEFAULT false,
    is_instance_admin     boolean NOT NULL DEFAULT false,
    ${TIMES}
  );
  CREATE INDEX ix_identities_organization ON latchkey.identities (organization_id, created_at, id);

  CREATE TABLE latchkey.identity_metadata (
    id          uuid    CONSTRAINT pk_identity_metadata PRIMARY KEY DEFAULT gen_random_uuid(),
    identity_id uuid    NOT NULL CONSTRAINT fk_identity_metadata_identity
                        REFERENCES latchkey.identities (id) ON DELETE CASCADE,
    key         text    NOT NULL,
    value       text    NOT NULL,
    position    integer NOT NULL
  );
  CREATE INDEX ix_identity_metadata_identity ON latchkey.identity_metadata (identity_id, position)`;

const MEMBERSHIPS = `
  CREATE TABLE latchkey.organization_memberships (
    id                     uuid    CONSTRAINT pk_organization_memberships PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id        uuid    NOT NULL CONSTRAINT fk_organization_memberships_organization
                                   REFERENCES latchkey.organizations (id) ON DELETE CASCADE,
    identity_id            uuid    NOT NULL CONSTRAINT fk_organization_memberships_identity
                                   REFERENCES latchkey.identities (id) ON DELETE CASCADE,
    role                   text    NOT NULL,
    is_active              boolean NOT NULL DEFAULT true,
    last_login_auth_method text,
    last_login_at          timestamptz(3),
    ${TIMES},
    CONSTRAINT uq_organization_memberships_identity UNIQUE (organization_id, identity_id)
  );
  CREATE INDEX ix_organization_memberships_identity ON latchkey.organization_memberships (identity_id)`;

const AUTH_METHODS = `
  CREATE TABLE latchkey.identity_auth_methods (
    id                          uuid    CONSTRAINT pk_identity_auth_methods PRIMARY KEY DEFAULT gen_random_uuid(),
    identity_id                 uuid    NOT NULL CONSTRAINT fk_identity_auth_methods_identity
                                        REFERENCES latchkey.identities (id) ON DELETE CASCADE,
    method                      text    NOT NULL,
    access_token_ttl            integer NOT NULL,
    access_token_max_ttl        integer NOT NULL,
    access_token_num_uses_limit integer NOT NULL,
    access_token_period         integer NOT NULL DEFAULT 0,
    access_token_trusted_ips    jsonb   NOT NULL,
    ${TIMES},
    CONSTRAINT uq_identity_auth_methods_method UNIQUE (identity_id, method)
  )`;

// Counters stand in no index and leave room on the page, so that counting a use rewrites neither an index nor another page.
const ACCESS_TOKENS = `
  CREATE TABLE latchkey.identity_access_tokens (
    id                   uuid    CONSTRAINT pk_identity_access_tokens PRIMARY KEY DEFAULT gen_random_uuid(),
    identity_id          uuid    NOT NULL CONSTRAINT fk_identity_access_tokens_identity
                                 REFERENCES latchkey.identities (id) ON DELETE CASCADE,
    organization_id      uuid    NOT NULL CONSTRAINT fk_identity_access_tokens_organization
                                 REFERENCES latchkey.organizations (id) ON DELETE CASCADE,
    auth_method_id       uuid    NOT NULL,
    auth_method          text    NOT NULL,
    name                 text,
    access_token_ttl     integer NOT NULL,
    access_token_max_ttl integer NOT NULL,
    access_token_period  integer NOT NULL DEFAULT 0,
    num_uses_limit       integer NOT NULL DEFAULT 0,
    num_uses             bigint  NOT NULL DEFAULT 0,
    last_used_at         timestamptz(3),
    last_renewed_at      timestamptz(3),
    expires_at           timestamptz(3),
    revoked_at           timestamptz(3),
    client_secret_id     uuid,
    ${TIMES}
  ) WITH (fillfactor = 85);
  CREATE INDEX ix_identity_access_tokens_list ON latchkey.identity_access_tokens (identity_id, auth_method, created_at, id)`;

const INSTANCE = `
  CREATE TABLE latchkey.instance (
    id             integer CONSTRAINT pk_instance PRIMARY KEY CONSTRAINT ck_instance_singleton CHECK (id = 1),
    initialized_at timestamptz(3)
  );
  INSERT INTO latchkey.instance (id) VALUES (1);

  CREATE TABLE latchkey.users (
    id             uuid    CONSTRAINT pk_users PRIMARY KEY DEFAULT gen_random_uuid(),
    email          text    NOT NULL CONSTRAINT uq_users_email UNIQUE,
    first_name     text    NOT NULL,
    last_name      text    NOT NULL,
    password_hash  text    NOT NULL,
    is_super_admin boolean NOT NULL DEFAULT false,
    ${TIMES}
  )`;
