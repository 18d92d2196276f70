/** Tells a path that is known by other methods from one that is not known. */
export function createAllowedMethods(
  routes: readonly { readonly path: string; readonly methods: readonly string[] }[],
): (path: string) => readonly string[] {
  const forms = routes.map(({ path, methods }) => ({
    form: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{[^}]+\}/g, '[^/]+')}$`),
    methods,
  }));
  return (path) => [
    ...new Set(forms.flatMap(({ form, methods }) => (form.test(path) ? methods : []))),
  ];
}
