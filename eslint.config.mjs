import js from '@eslint/js';
import tseslint from 'typescript-eslint';

// `max-params` counts the dependencies of a constructor too, which Nest gives by their types.
const MAX_PARAMS = {
  selector:
    ':matches(FunctionDeclaration, ArrowFunctionExpression, :not(MethodDefinition[kind="constructor"]) > FunctionExpression)[params.length>4]',
  message: 'A function takes four parameters at most: put what belongs together into an object.',
};

export default tseslint.config(
  {
    ignores: [
      'dist',
      'node_modules',
      '.latchkey',
      'coverage',
      '**/*.cjs',
      '**/*.mjs',
      '**/*.mts',
      'test/hosts',
      'examples',
      'src/console/ui',
      'console/src/api.d.ts',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './test/{clients,sockets,console}/tsconfig.json', './console/tsconfig.json'],
      },
    },
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
    files: ['test/{clients,sockets,console}/**/*.ts'],
    rules: { '@typescript-eslint/no-redundant-type-constituents': 'off' },
  },
  {
    // A page is a tree that is read as a whole. Its packages need not be installed, and what is imported from none is `any`.
    files: ['console/**/*.{ts,tsx}'],
    rules: {
      'max-lines': ['error', { max: 450, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 160, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 30],
      'no-restricted-syntax': [
        'error',
        MAX_PARAMS,
        { selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]', message: 'Nothing is rendered as HTML.' },
        {
          selector: 'AssignmentExpression[left.property.name=/^(inner|outer)HTML$/]',
          message: 'Nothing is rendered as HTML.',
        },
      ],
      '@typescript-eslint/no-redundant-type-constituents': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      // The router redirects by throwing.
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      // The forms have no files, and the stores no `this`.
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_', argsIgnorePattern: '^_' }],
    },
  },
);
