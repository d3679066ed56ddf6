// What the linter holds the console to.
import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "node_modules", "src/api/schema.d.ts", "e2e/.results"] },
  js.configs.recommended,
  {
    files: ["src/**/*.{ts,tsx}"],
    extends: [tseslint.configs.strictTypeChecked],
    plugins: { "react-hooks": hooks },
    languageOptions: { parserOptions: { project: "./tsconfig.json", tsconfigRootDir: import.meta.dirname } },
    rules: {
      ...hooks.configs.recommended.rules,
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
      // What an event holds is anybody's text: it is never markup.
      "no-restricted-syntax": [
        "error",
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Texts are shown as texts." },
        { selector: "MemberExpression[property.name='innerHTML']", message: "Texts are shown as texts." },
      ],
      "no-console": "error",
    },
  },
  {
    files: ["**/*.mjs", "*.js", "vite.config.ts"],
    languageOptions: {
      globals: {
        process: "readonly", console: "readonly", URL: "readonly", Buffer: "readonly", fetch: "readonly",
        setTimeout: "readonly", clearTimeout: "readonly", performance: "readonly", document: "readonly",
        window: "readonly", location: "readonly", getComputedStyle: "readonly", requestAnimationFrame: "readonly",
        navigator: "readonly", localStorage: "readonly", URLSearchParams: "readonly", TextDecoder: "readonly",
        MutationObserver: "readonly", KeyboardEvent: "readonly",
      },
    },
  },
  { files: ["vite.config.ts"], extends: [tseslint.configs.base] },
);
