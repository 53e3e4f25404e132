package christmas.engine;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.net.spi.InetAddressResolver;
import java.net.spi.InetAddressResolverProvider;
import java.util.stream.Stream;

/**
 * Resolves this machine's own name to 127.0.0.1 where neither DNS nor {@code /etc/hosts} knows it.
 *
 * <p>Kestra does not start without an address for that name. Java finds this class by its entry in {@code META-INF/services};
 * every other name, and a name that resolves, is left to Java's own resolver.
 */
public final class OwnNameResolver extends InetAddressResolverProvider {
    @Override
    public InetAddressResolver get(Configuration configuration) {
        return new WithOwnName(configuration);
    }

    @Override
    public String name() {
        return "own-name";
    }

    private record WithOwnName(Configuration configuration) implements InetAddressResolver {
        @Override
        public Stream<InetAddress> lookupByName(String host, LookupPolicy policy) throws UnknownHostException {
            try {
                return configuration.builtinResolver().lookupByName(host, policy);
            } catch (UnknownHostException e) {
                if (host.equals(configuration.lookupLocalHostName())) {
                    return Stream.of(InetAddress.getByAddress(host, new byte[] {127, 0, 0, 1}));
                }
                throw e;
            }
        }

        @Override
        public String lookupByAddress(byte[] address) throws UnknownHostException {
            return configuration.builtinResolver().lookupByAddress(address);
        }
    }
}
