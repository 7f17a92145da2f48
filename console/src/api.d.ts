// Made of the API document by `node test/openapi/check.mjs --write`.

export interface paths {
    "/api/v1/auth/token/renew": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["PresentedTokenDto"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SignedTokenDto"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/token/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: {
            parameters: {
                query?: {
                    wait?: "all";
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["PresentedTokenDto"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RevokedDto"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["HealthDto"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/latchkey/v1/nodes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["NodeListDto"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["StatusDto"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/identities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query: {
                    limit?: number;
                    offset?: number;
                    cursor?: string;
                    orgId: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["IdentityListDto"];
                    };
                };
            };
        };
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["CreateIdentityDto"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["IdentityAnswerDto"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/identities/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["SearchIdentitiesDto"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["IdentitySearchResultDto"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/identities/{identityId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["MembershipAnswerDto"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["DeletedIdentityAnswerDto"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["UpdateIdentityDto"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["IdentityAnswerDto"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/api/latchkey/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["MeAnswerDto"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/organization/roles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RoleListDto"];
                    };
                };
            };
        };
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["CreateRoleDto"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RoleAnswerDto"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/organization/roles/slug/{slug}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    slug: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RoleAnswerDto"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/token-auth/identities/{identityId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TokenAuthAnswerDto"];
                    };
                };
            };
        };
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["AttachTokenAuthDto"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TokenAuthAnswerDto"];
                    };
                };
            };
        };
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TokenAuthAnswerDto"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["UpdateTokenAuthDto"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TokenAuthAnswerDto"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/api/v1/auth/token-auth/identities/{identityId}/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: {
                    limit?: number;
                    offset?: number;
                    cursor?: string;
                };
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TokenListDto"];
                    };
                };
            };
        };
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["CreateTokenDto"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["IssuedTokenDto"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/token-auth/tokens/{tokenId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    tokenId: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TokenAnswerDto"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    tokenId: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["UpdateTokenDto"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TokenAnswerDto"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/api/latchkey/v1/access-tokens/{tokenId}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: {
                    "Idempotency-Key"?: string;
                };
                path: {
                    tokenId: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["RotateTokenDto"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RotatedTokenDto"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/latchkey/v1/access-tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: {
                    status?: "live" | "expired" | "all";
                    identityId?: string;
                    authMethod?: string;
                    search?: string;
                    endsBefore?: string;
                    unusedSince?: string;
                    limit?: number;
                    cursor?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ManagedTokenListDto"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/latchkey/v1/access-tokens/{tokenId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    tokenId: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ManagedTokenAnswerDto"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/latchkey/v1/access-tokens/{tokenId}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: {
            parameters: {
                query?: {
                    wait?: "all";
                };
                header?: never;
                path: {
                    tokenId: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RevokedDto"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/latchkey/v1/overview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OverviewDto"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/organization/audit-logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: {
                    startDate?: string;
                    endDate?: string;
                    eventType?: string;
                    outcome?: "success" | "refused" | "failed";
                    userAgentType?: "web" | "cli" | "k8-operator" | "terraform" | "InfisicalPythonSDK" | "InfisicalNodeSDK" | "other";
                    actorType?: "identity" | "platform" | "operator" | "host" | "unknown";
                    actor?: string;
                    identityId?: string;
                    tokenId?: string;
                    reqId?: string;
                    eventMetadata?: string;
                    projectId?: string;
                    limit?: number;
                    offset?: number;
                    cursor?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["AuditLogListDto"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/universal-auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["UniversalAuthLoginDto"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SignedTokenDto"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/universal-auth/identities/{identityId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["UniversalAuthAnswerDto"];
                    };
                };
            };
        };
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["AttachUniversalAuthDto"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["UniversalAuthAnswerDto"];
                    };
                };
            };
        };
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["UniversalAuthAnswerDto"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["UpdateUniversalAuthDto"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["UniversalAuthAnswerDto"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/api/v1/auth/universal-auth/identities/{identityId}/clear-lockouts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ClearedLockoutsDto"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/universal-auth/identities/{identityId}/client-secrets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: {
            parameters: {
                query?: {
                    limit?: number;
                    offset?: number;
                    cursor?: string;
                };
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ClientSecretListDto"];
                    };
                };
            };
        };
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    identityId: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["CreateClientSecretDto"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["CreatedClientSecretDto"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/universal-auth/identities/{identityId}/client-secrets/{clientSecretId}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    identityId: string;
                    clientSecretId: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ClientSecretAnswerDto"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        AccessTokenDto: {
            /** Format: uuid */
            id: string;
            accessTokenTTL: number;
            accessTokenMaxTTL: number;
            accessTokenNumUses: number;
            accessTokenNumUsesLimit: number;
            /** Format: date-time */
            accessTokenLastUsedAt: string | null;
            /** Format: date-time */
            accessTokenLastRenewedAt: string | null;
            isAccessTokenRevoked: boolean;
            identityUAClientSecretId: string | null;
            /** Format: uuid */
            identityId: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            name: string | null;
            authMethod: string;
            accessTokenPeriod: number;
            subOrganizationId: string | null;
        };
        AttachTokenAuthDto: {
            accessTokenTTL?: number;
            accessTokenMaxTTL?: number;
            accessTokenNumUsesLimit?: number;
            accessTokenTrustedIps?: components["schemas"]["TrustedIpInputDto"][];
        };
        AttachUniversalAuthDto: {
            accessTokenTTL?: number;
            accessTokenMaxTTL?: number;
            accessTokenNumUsesLimit?: number;
            accessTokenTrustedIps?: components["schemas"]["TrustedIpInputDto"][];
            accessTokenPeriod?: number;
            clientSecretTrustedIps?: components["schemas"]["TrustedIpInputDto"][];
            lockoutEnabled?: boolean;
            lockoutThreshold?: number;
            lockoutDurationSeconds?: number;
            lockoutCounterResetSeconds?: number;
        };
        AuditActorDto: {
            /** @enum {string} */
            type: "identity" | "platform" | "operator" | "host" | "unknown";
            metadata: {
                [key: string]: unknown;
            };
        };
        AuditEventDto: {
            type: string;
            metadata: {
                [key: string]: unknown;
            };
        };
        AuditLogDto: {
            /** Format: uuid */
            id: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            /** Format: date-time */
            expiresAt: string;
            /** Format: uuid */
            orgId: string;
            projectId: string | null;
            projectName: string | null;
            event: components["schemas"]["AuditEventDto"];
            actor: components["schemas"]["AuditActorDto"];
            /** @enum {string} */
            outcome: "success" | "refused" | "failed";
            reason: string | null;
            reqId: string | null;
            ipAddress: string | null;
            userAgent: string | null;
            userAgentType: string | null;
        };
        AuditLogListDto: {
            auditLogs: components["schemas"]["AuditLogDto"][];
            nextCursor: string | null;
        };
        CappedCountDto: {
            count: number;
            isCapped: boolean;
        };
        ClearedLockoutsDto: {
            deleted: number;
        };
        ClientSecretAnswerDto: {
            clientSecretData: components["schemas"]["ClientSecretDto"];
        };
        ClientSecretDto: {
            /** Format: uuid */
            id: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            description: string;
            clientSecretPrefix: string;
            clientSecretNumUses: number;
            clientSecretNumUsesLimit: number;
            clientSecretTTL: number;
            /** Format: uuid */
            identityUAId: string;
            isClientSecretRevoked: boolean;
            /** Format: date-time */
            clientSecretLastUsedAt: string | null;
            /** Format: date-time */
            clientSecretExpiresAt: string | null;
        };
        ClientSecretListDto: {
            totalCount: number;
            isTotalCountCapped?: boolean;
            nextCursor: string | null;
            clientSecretData: components["schemas"]["ClientSecretDto"][];
        };
        CreateClientSecretDto: {
            description?: string;
            numUsesLimit?: number;
            ttl?: number;
        };
        CreateIdentityDto: {
            name: string;
            organizationId: string;
            role?: string;
            hasDeleteProtection?: boolean;
            metadata?: components["schemas"]["MetadataInputDto"][];
        };
        CreateRoleDto: {
            slug: string;
            name: string;
            description?: string | null;
            permissions: components["schemas"]["RuleDto"][];
        };
        CreateTokenDto: {
            name?: string;
            organizationSlug?: string;
        };
        CreatedClientSecretDto: {
            clientSecret: string;
            clientSecretData: components["schemas"]["ClientSecretDto"];
        };
        DeletedIdentityAnswerDto: {
            identity: components["schemas"]["DeletedIdentityDto"];
        };
        DeletedIdentityDto: {
            /** Format: uuid */
            id: string;
            name: string;
            authMethod: string | null;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            hasDeleteProtection: boolean;
            /** Format: uuid */
            orgId: string;
            projectId: string | null;
        };
        DetailedMemberIdentityDto: {
            /** Format: uuid */
            id: string;
            name: string;
            hasDeleteProtection: boolean;
            /** Format: uuid */
            orgId: string;
            authMethods: string[];
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            activeLockoutAuthMethods: string[];
        };
        DetailedMembershipDto: {
            /** Format: uuid */
            id: string;
            role: string;
            roleId: string | null;
            /** Format: uuid */
            orgId: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            /** Format: uuid */
            identityId: string;
            lastLoginAuthMethod: string | null;
            /** Format: date-time */
            lastLoginTime: string | null;
            identity: components["schemas"]["DetailedMemberIdentityDto"];
            customRole?: components["schemas"]["MembershipRoleDto"];
            metadata: components["schemas"]["MetadataDto"][];
        };
        ExpiringDto: {
            day: components["schemas"]["CappedCountDto"];
            week: components["schemas"]["CappedCountDto"];
            month: components["schemas"]["CappedCountDto"];
        };
        ExpiryDayDto: {
            day: string;
            tokens: number;
        };
        HealthDto: {
            /** @enum {string} */
            status: "ready";
            appliedRevision: number;
            confirmedAgeMs: number;
            revocationBoundMs: number;
            /** @enum {string} */
            push: "off" | "connecting" | "on" | "silent";
            clockSkewMs: number;
            databaseClockBehindMs: number;
        };
        IdentityAnswerDto: {
            identity: components["schemas"]["IdentityDto"];
        };
        IdentityConditionDto: {
            name?: string | Record<string, unknown>;
            role?: string | Record<string, unknown>;
        };
        IdentityDto: {
            /** Format: uuid */
            id: string;
            name: string;
            authMethod: string | null;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            hasDeleteProtection: boolean;
            /** Format: uuid */
            orgId: string;
            projectId: string | null;
            authMethods: string[];
            metadata: components["schemas"]["MetadataDto"][];
        };
        IdentityFilterDto: {
            name?: string | Record<string, unknown>;
            role?: string | Record<string, unknown>;
            $or?: components["schemas"]["IdentityConditionDto"][];
        };
        IdentityListDto: {
            totalCount: number;
            isTotalCountCapped?: boolean;
            nextCursor: string | null;
            identities: components["schemas"]["MembershipDto"][];
        };
        IdentitySearchResultDto: {
            totalCount: number;
            isTotalCountCapped?: boolean;
            nextCursor: string | null;
            identities: components["schemas"]["MembershipDto"][];
        };
        IssuedTokenDto: {
            accessToken: string;
            expiresIn: number;
            accessTokenMaxTTL: number;
            /** @enum {string} */
            tokenType: "Bearer";
            tokenData: components["schemas"]["AccessTokenDto"];
        };
        ListedRoleDto: {
            /** Format: uuid */
            id: string;
            slug: string;
            name: string;
            description: string | null;
            /** Format: uuid */
            orgId: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
        };
        LockoutDto: {
            /** Format: uuid */
            identityId: string;
            identityName: string;
            authMethod: string;
            failures: number;
            /** Format: date-time */
            until: string;
        };
        ManagedTokenAnswerDto: {
            accessToken: components["schemas"]["ManagedTokenDto"];
        };
        ManagedTokenDto: {
            /** Format: uuid */
            id: string;
            accessTokenTTL: number;
            accessTokenMaxTTL: number;
            accessTokenNumUses: number;
            accessTokenNumUsesLimit: number;
            /** Format: date-time */
            accessTokenLastUsedAt: string | null;
            /** Format: date-time */
            accessTokenLastRenewedAt: string | null;
            isAccessTokenRevoked: boolean;
            identityUAClientSecretId: string | null;
            /** Format: uuid */
            identityId: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            name: string | null;
            authMethod: string;
            accessTokenPeriod: number;
            subOrganizationId: string | null;
            identityName: string;
            /** @enum {string} */
            status: "live" | "used-up" | "disabled" | "expired" | "revoked";
            /** Format: date-time */
            accessTokenExpiresAt: string | null;
            /** Format: date-time */
            accessTokenRenewableUntil: string | null;
            /** Format: date-time */
            accessTokenRevokedAt: string | null;
        };
        ManagedTokenListDto: {
            accessTokens: components["schemas"]["ManagedTokenDto"][];
            nextCursor: string | null;
        };
        MeAnswerDto: {
            me: components["schemas"]["MeDto"];
        };
        MeDto: {
            /** Format: uuid */
            identityId: string;
            identityName: string;
            organization: components["schemas"]["OrganizationDto"];
            role: string;
            isInstanceAdmin: boolean;
            permissions: string[];
            /** Format: uuid */
            tokenId: string;
            tokenName: string | null;
            authMethod: string;
            /** Format: date-time */
            expiresAt: string | null;
        };
        MemberIdentityDto: {
            /** Format: uuid */
            id: string;
            name: string;
            hasDeleteProtection: boolean;
            /** Format: uuid */
            orgId: string;
            authMethods: string[];
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
        };
        MembershipAnswerDto: {
            identity: components["schemas"]["DetailedMembershipDto"];
        };
        MembershipDto: {
            /** Format: uuid */
            id: string;
            role: string;
            roleId: string | null;
            /** Format: uuid */
            orgId: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            /** Format: uuid */
            identityId: string;
            lastLoginAuthMethod: string | null;
            /** Format: date-time */
            lastLoginTime: string | null;
            identity: components["schemas"]["MemberIdentityDto"];
            customRole?: components["schemas"]["MembershipRoleDto"];
        };
        MembershipRoleDto: {
            /** Format: uuid */
            id: string;
            name: string;
            slug: string;
            description: string | null;
            permissions: components["schemas"]["RoleRuleDto"][];
        };
        MetadataDto: {
            /** Format: uuid */
            id: string;
            key: string;
            value: string;
        };
        MetadataInputDto: {
            key: string;
            value: string;
        };
        NodeDto: {
            node: string;
            isThisNode: boolean;
            /** Format: date-time */
            startedAt: string;
            /** Format: date-time */
            seenAt: string;
            appliedRevision: number;
            silentMs: number;
            isGone: boolean;
        };
        NodeListDto: {
            revocationBoundMs: number;
            /** Format: date-time */
            databaseTime: string;
            nodes: components["schemas"]["NodeDto"][];
        };
        OrganizationDto: {
            /** Format: uuid */
            id: string;
            name: string;
            slug: string;
        };
        OrganizationRoleDto: {
            /** Format: uuid */
            id: string;
            slug: string;
            name: string;
            description: string | null;
            /** Format: uuid */
            orgId: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            permissions: components["schemas"]["RoleRuleDto"][];
        };
        OverviewDto: {
            identities: components["schemas"]["CappedCountDto"];
            liveTokens: components["schemas"]["CappedCountDto"];
            expiring: components["schemas"]["ExpiringDto"];
            expiries: components["schemas"]["ExpiryDayDto"][];
            lockouts: components["schemas"]["LockoutDto"][];
        };
        PresentedTokenDto: {
            accessToken: string;
        };
        ReplacedTokenDto: {
            /** Format: uuid */
            id: string;
            /** Format: date-time */
            endsAt: string;
        };
        RevokedDto: {
            message: string;
            revision: number | null;
            nodes?: components["schemas"]["SpreadDto"];
        };
        RoleAnswerDto: {
            role: components["schemas"]["OrganizationRoleDto"];
        };
        RoleListDto: {
            roles: components["schemas"]["ListedRoleDto"][];
            data: components["schemas"]["RolesDto"];
        };
        RoleRuleDto: {
            subject: string;
            action: string[];
            conditions?: {
                [key: string]: unknown;
            };
            inverted?: boolean;
        };
        RolesDto: {
            roles: components["schemas"]["ListedRoleDto"][];
        };
        RotateTokenDto: {
            graceSeconds?: number;
            endsOldOnFirstUse?: boolean;
        };
        RotatedTokenDto: {
            accessToken: string;
            expiresIn: number;
            accessTokenMaxTTL: number;
            /** @enum {string} */
            tokenType: "Bearer";
            /** Format: uuid */
            tokenId: string;
            /** Format: uuid */
            identityId: string;
            replaced: components["schemas"]["ReplacedTokenDto"];
            isRepeated: boolean;
        };
        RuleDto: {
            subject: string;
            action: string | string[];
            conditions?: {
                [key: string]: unknown;
            };
            inverted?: boolean;
        };
        SearchIdentitiesDto: {
            search?: components["schemas"]["IdentityFilterDto"];
            /** @enum {string} */
            orderBy?: "name" | "role";
            /** @enum {string} */
            orderDirection?: "asc" | "desc";
            limit?: number;
            offset?: number;
            cursor?: string;
        };
        SignedTokenDto: {
            accessToken: string;
            expiresIn: number;
            accessTokenMaxTTL: number;
            /** @enum {string} */
            tokenType: "Bearer";
        };
        SpreadDto: {
            applied: string[];
            pending: string[];
        };
        StatusDto: {
            /** Format: date-time */
            date: string;
            message: string;
            emailConfigured: boolean;
            inviteOnlySignup: boolean;
            redisConfigured: boolean;
            secretScanningConfigured: boolean;
            maxIdentityAccessTokenTTL: number;
        };
        TokenAnswerDto: {
            token: components["schemas"]["AccessTokenDto"];
        };
        TokenAuthAnswerDto: {
            identityTokenAuth: components["schemas"]["TokenAuthDto"];
        };
        TokenAuthDto: {
            /** Format: uuid */
            id: string;
            accessTokenTTL: number;
            accessTokenMaxTTL: number;
            accessTokenNumUsesLimit: number;
            accessTokenTrustedIps: components["schemas"]["TrustedIpDto"][];
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            /** Format: uuid */
            identityId: string;
            accessTokenPeriod: number;
        };
        TokenListDto: {
            totalCount: number;
            isTotalCountCapped?: boolean;
            nextCursor: string | null;
            tokens: components["schemas"]["AccessTokenDto"][];
        };
        TrustedIpDto: {
            /** @enum {string} */
            type: "ipv4" | "ipv6";
            prefix?: number;
            ipAddress: string;
        };
        TrustedIpInputDto: {
            ipAddress: string;
        };
        UniversalAuthAnswerDto: {
            identityUniversalAuth: components["schemas"]["UniversalAuthDto"];
        };
        UniversalAuthDto: {
            /** Format: uuid */
            id: string;
            accessTokenTTL: number;
            accessTokenMaxTTL: number;
            accessTokenNumUsesLimit: number;
            accessTokenTrustedIps: components["schemas"]["TrustedIpDto"][];
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            /** Format: uuid */
            identityId: string;
            accessTokenPeriod: number;
            /** Format: uuid */
            clientId: string;
            clientSecretTrustedIps: components["schemas"]["TrustedIpDto"][];
            lockoutEnabled: boolean;
            lockoutThreshold: number;
            lockoutDurationSeconds: number;
            lockoutCounterResetSeconds: number;
        };
        UniversalAuthLoginDto: {
            organizationSlug?: string;
            clientId: string;
            clientSecret: string;
        };
        UpdateIdentityDto: {
            name?: string;
            role?: string;
            hasDeleteProtection?: boolean;
            metadata?: components["schemas"]["MetadataInputDto"][];
        };
        UpdateTokenAuthDto: {
            accessTokenTTL?: number;
            accessTokenMaxTTL?: number;
            accessTokenNumUsesLimit?: number;
            accessTokenTrustedIps?: components["schemas"]["TrustedIpInputDto"][];
        };
        UpdateTokenDto: {
            name?: string;
        };
        UpdateUniversalAuthDto: {
            accessTokenTTL?: number;
            accessTokenMaxTTL?: number;
            accessTokenNumUsesLimit?: number;
            accessTokenTrustedIps?: components["schemas"]["TrustedIpInputDto"][];
            accessTokenPeriod?: number;
            clientSecretTrustedIps?: components["schemas"]["TrustedIpInputDto"][];
            lockoutEnabled?: boolean;
            lockoutThreshold?: number;
            lockoutDurationSeconds?: number;
            lockoutCounterResetSeconds?: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
