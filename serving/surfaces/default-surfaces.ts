/** What holds where there is no surfaces.yaml: the settings' defaults, and a page of one movie. */
export const DEFAULT_SURFACES = `# The surfaces that hold where there is no file: docs/surfaces.md says what may stand here.
surfaces:
  home: {}
  detail:
    limit: 12
    seen: demote
`;
