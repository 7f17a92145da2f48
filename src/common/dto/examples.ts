/** The people of the documentation: every example uses the same ids and times. */
export const EXAMPLE = {
  organizationId: '18b65352-ad1e-43d5-830f-65c72245c3a3',
  identityId: 'c1f9a4e2-40a0-4a7e-8a53-6f0f0f6c2d10',
  membershipId: '2d1c6a0e-93f7-4c8a-b1de-5a1f7c3e9b20',
  tokenId: '0b8f4b1c-3a44-4a5e-9d0e-7a0f4f7f8a02',
  authMethodId: '5f0f2c0e-7a51-4f0a-9f54-0d1b2f6f3a11',
  roleId: '7c2e9b14-6f3a-4d58-9e01-b5d8a3c7f642',
  streamId: '4e8d2b7a-1c95-4f3e-a6d0-8b1f5c9e7d24',
  projectId: '7d2c1f0a-3b64-4e0e-9a51-0c1de2b34f10',
  metadataId: '9a7d3e52-1c4b-4f6a-8e0d-2b7c5a9f1e34',
  userId: '2f6e8c1a-5d3b-4e7f-9a20-c4b8d6e1f053',
  createdAt: '2026-09-01T10:15:30.123Z',
  usedAt: '2026-09-01T11:00:00.000Z',
  accessToken:
    'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImV4YW1wbGUifQ.eyJpZGVudGl0eUlkIjoiYzFmOWE0ZTIifQ.c2lnbmF0dXJl',
} as const;
