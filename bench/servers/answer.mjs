/** What every server answers to a request it lets in. */
export const ANSWER = {
  report: { id: '18b65352-ad1e-43d5-830f-65c72245c3a3', name: 'Default Report', slug: 'default-report-x7k2q9' },
};
