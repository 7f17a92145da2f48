import js from '@eslint/js';
import tseslint from 'typescript-eslint';

// `max-params` counts the dependencies of a constructor too, which Nest gives by their types.
const MAX_PARAMS = {
  selector:
    ':matches(FunctionDeclaration, ArrowFunctionExpression, :not(MethodDefinition[kind="constructor"]) > FunctionExpression)[params.length>4]',
  message: 'A function takes four parameters at most: put what belongs together into an object.',
};

export default tseslint.config(
  { ignores: ['dist', 'node_modules', '.latchkey', 'coverage', '**/*.cjs', '**/*.mjs', 'test/hosts', 'examples'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { project: ['./tsconfig.json', './test/{clients,sockets}/tsconfig.json'] } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/unbound-method': ['error', { ignoreStatic: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // Off on purpose: it turns value imports of DTOs into type imports, which switches validation off.
      '@typescript-eslint/consistent-type-imports': 'off',
      'max-lines': ['error', { max: 250, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 8],
      'no-restricted-syntax': ['error', MAX_PARAMS],
      'no-console': 'error',
    },
  },
  {
    // A suite is one long function by nature.
    files: ['test/**/*.ts', 'src/**/*.spec.ts'],
    rules: {
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      complexity: 'off',
      'no-restricted-syntax': 'off',
      // Bodies of answers are JSON of any shape, compared whole.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
    },
  },
  {
    // Their packages need not be installed, and what is imported from none is `any`.
    files: ['test/{clients,sockets}/**/*.ts'],
    rules: { '@typescript-eslint/no-redundant-type-constituents': 'off' },
  },
);
