import { describe, expect, it } from 'vitest';
import { systemOf } from '../../../../cli/stack/doctor.ts';

describe('systemOf', () => {
  it('tells whose packages to advise', () => {
    expect(systemOf('linux', 'PRETTY_NAME="Debian"\nID=debian\n')).toBe('debian');
    expect(systemOf('linux', 'ID=linuxmint\nID_LIKE="ubuntu debian"\n')).toBe('debian');
    expect(systemOf('linux', 'ID="rocky"\nID_LIKE="rhel centos fedora"\n')).toBe('fedora');
    expect(systemOf('darwin', '')).toBe('macos');
    expect(systemOf('linux', 'ID=alpine\n')).toBe('other');
    expect(systemOf('linux', '')).toBe('other');
  });
});
