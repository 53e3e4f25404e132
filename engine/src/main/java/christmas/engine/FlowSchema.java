package christmas.engine;

import io.kestra.core.docs.JsonSchemaGenerator;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.plugins.DefaultPluginRegistry;
import io.kestra.core.serializers.JacksonMapper;
import io.kestra.plugin.scripts.python.Commands;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** Prints the JSON schema of a flow, with every task and trigger of this engine, for editors. {@code make flow-schema} runs it. */
public final class FlowSchema {
    private FlowSchema() {}

    public static void main(String[] args) throws IOException {
        JsonSchemaGenerator generator = new JsonSchemaGenerator(DefaultPluginRegistry.getOrCreate());
        Map<String, Object> schema = generator.schemas(Flow.class);
        // Kestra reads a task's default values from its builder. The stand-in for the Python task has no builder, so the schema
        // requires two properties that have a default.
        Map<?, ?> definitions = (Map<?, ?>) schema.get("definitions");
        Map<?, ?> python = (Map<?, ?>) definitions.get(Commands.class.getName());
        ((List<?>) python.get("required")).removeAll(List.of("interpreter", "targetOS"));
        JacksonMapper.ofJson().writeValue(System.out, schema);
    }
}
