// What `spec/kernel-state.md` records that doublezerod leaves in the kernel, service by service: `ip -d addr`, then
// `ip -N rule`, then `ip -N -d route show table all`, as `difference` shows them. The parity of this daemon is judged
// by these texts, so they are written out in full.

export const ibrl = `
doublezero0: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1476 qdisc noqueue
    link/gre 192.0.2.1 peer 192.0.2.2
    gre remote 192.0.2.2 local 192.0.2.1 ttl 64 nopmtudisc
    inet 169.254.0.1/31 scope link doublezero0
    inet6 fe80::5efe:c000:201/64 scope link
169.254.0.0/31 dev doublezero0 table 254 proto 2 scope 253 src 169.254.0.1
`.trim();

export const ibrlWithAllocatedIp = `
doublezero0: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1476 qdisc noqueue
    link/gre 192.0.2.1 peer 192.0.2.2
    gre remote 192.0.2.2 local 192.0.2.1 ttl 64 nopmtudisc
    inet 169.254.0.1/31 scope link doublezero0
    inet 10.99.0.1/32 scope global doublezero0
    inet6 fe80::5efe:c000:201/64 scope link
169.254.0.0/31 dev doublezero0 table 254 proto 2 scope 253 src 169.254.0.1
`.trim();

export const edgeFiltering = `
doublezero0: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1476 qdisc noqueue
    link/gre 192.0.2.1 peer 192.0.2.2
    gre remote 192.0.2.2 local 192.0.2.1 ttl 64 nopmtudisc
    inet 169.254.0.1/31 scope link doublezero0
    inet 10.99.0.1/32 scope global doublezero0
    inet6 fe80::5efe:c000:201/64 scope link
100: from all to 203.0.113.0/24 lookup 100 proto 2
100: from all to 198.51.100.0/25 lookup 100 proto 2
101: from 203.0.113.0/24 lookup 101 proto 2
101: from 198.51.100.0/25 lookup 101 proto 2
default via 169.254.0.0 dev doublezero0 table 101 proto 3 scope 0 src 10.99.0.1
169.254.0.0/31 dev doublezero0 table 254 proto 2 scope 253 src 169.254.0.1
`.trim();

export const multicast = `
doublezero1: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1476 qdisc noqueue
    link/gre 192.0.2.1 peer 192.0.2.2
    gre remote 192.0.2.2 local 192.0.2.1 ttl 64 nopmtudisc
    inet 169.254.0.1/31 scope link doublezero1
    inet 10.99.0.1/32 scope global doublezero1
    inet6 fe80::5efe:c000:201/64 scope link
169.254.0.0/31 dev doublezero1 table 254 proto 2 scope 253 src 169.254.0.1
233.84.178.1 via 169.254.0.0 dev doublezero1 table 254 proto 4 scope 0 src 10.99.0.1
233.84.178.2 via 169.254.0.0 dev doublezero1 table 254 proto 4 scope 0
233.84.178.3 via 169.254.0.0 dev doublezero1 table 254 proto 4 scope 0 src 10.99.0.1
`.trim();
