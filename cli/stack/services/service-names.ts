export const serviceNames = ['kafka', 'registry', 'postgres', 'valkey', 'object-store'] as const;
export type ServiceName = (typeof serviceNames)[number];
