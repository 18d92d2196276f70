import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { installLog, installOnce, type InstallContext } from './install-once.ts';
import { runLogged } from '../host/run-logged.ts';
import { versions } from './versions.ts';

const goMajorMinor = /go version go(\d+\.\d+)/;
const minioFolder = `minio-${versions.minio}`;

/** '1.26', or null where there is no Go. */
export function goVersion(): string | null {
  const shown = spawnSync('go', ['version'], { encoding: 'utf8' });
  return goMajorMinor.exec(shown.error === undefined ? shown.stdout : '')?.[1] ?? null;
}

/** True where the PATH has a Go that builds MinIO: 1.24, or 1.21 that fetches it by itself. */
export function hasGo(): boolean {
  const [major = 0, minor = 0] = (goVersion() ?? '').split('.').map(Number);
  return major > 1 || (major === 1 && minor >= 21);
}

export function isMinioBuilt(cache: string): boolean {
  return existsSync(join(cache, minioFolder));
}

/** Builds MinIO from its Go module; the folder that holds the binary. */
export function installMinio(context: InstallContext): Promise<string> {
  return installOnce(context, minioFolder, async (folder) => {
    context.step.update('building MinIO from its Go module (about 5 minutes)');
    // Here, since a build that is killed leaves it behind.
    const temporary = join(folder, 'tmp');
    mkdirSync(temporary);
    await runLogged({
      step: 'build of MinIO',
      command: 'nice',
      args: [
        '-n',
        '15',
        'go',
        'install',
        '-trimpath',
        '-ldflags=-s -w',
        `github.com/minio/minio@${versions.minio}`,
      ],
      env: { GOBIN: folder, GOTMPDIR: temporary, CGO_ENABLED: '0', GOFLAGS: '' },
      logFile: installLog(context, 'minio'),
      remedy:
        'check that `go version` is 1.24 or newer and the Go module proxy is reachable, or set MARQUEE_OBJECT_STORE=seaweedfs.',
    });
    rmSync(temporary, { recursive: true, force: true });
  });
}
