/** The examples in the documentation of AWS Auth. */
export const AWS_EXAMPLE = {
  arns: 'arn:aws:iam::123456789012:role/deployer',
  accounts: '123456789012',
  body: 'QWN0aW9uPUdldENhbGxlcklkZW50aXR5JlZlcnNpb249MjAxMS0wNi0xNQ==',
  headers: 'paste the headers of the signed request, as JSON in Base64',
} as const;
