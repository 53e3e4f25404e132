package io.kestra.plugin.scripts.python;

import io.kestra.core.exceptions.IllegalVariableEvaluationException;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.property.Property;
import io.kestra.core.models.tasks.RunnableTask;
import io.kestra.core.models.tasks.runners.TargetOS;
import io.kestra.core.runners.RunContext;
import io.kestra.plugin.scripts.exec.AbstractExecScript;
import io.kestra.plugin.scripts.exec.scripts.models.DockerOptions;
import io.kestra.plugin.scripts.exec.scripts.models.ScriptOutput;
import jakarta.validation.constraints.NotNull;
import java.util.List;
import java.util.Map;

/**
 * Runs Python from the command line. It stands in, under the same name, for the task of Kestra's official plugin
 * (plugin-script-python), which is not on Maven Central; in production that one runs the same flows.
 *
 * <p>It accepts the same properties, so that a flow is valid here when it is valid there. Those that make the plugin build a
 * virtual environment ({@code dependencies}, {@code pythonVersion}, {@code useUv}) are taken and refused at the run: here
 * {@code python} is the one that the engine was started with.
 */
@Plugin
public class Commands extends AbstractExecScript implements RunnableTask<ScriptOutput> {
    private Property<String> containerImage = Property.ofValue("python:3.11-slim");

    @NotNull
    private Property<List<String>> commands;

    private Property<List<String>> dependencies;
    private Property<String> pythonVersion;
    private Property<Boolean> dependencyCacheEnabled;
    private Boolean useUv;

    @Override
    public Property<String> getContainerImage() {
        return containerImage;
    }

    public Property<List<String>> getCommands() {
        return commands;
    }

    public Property<List<String>> getDependencies() {
        return dependencies;
    }

    public Property<String> getPythonVersion() {
        return pythonVersion;
    }

    public Property<Boolean> getDependencyCacheEnabled() {
        return dependencyCacheEnabled;
    }

    public Boolean getUseUv() {
        return useUv;
    }

    @Override
    protected DockerOptions injectDefaults(RunContext runContext, DockerOptions original)
        throws IllegalVariableEvaluationException {
        return original;
    }

    @Override
    public ScriptOutput run(RunContext runContext) throws Exception {
        if (!runContext.render(dependencies).asList(String.class).isEmpty()) {
            throw new IllegalArgumentException("the embedded engine installs no dependencies");
        }
        // The wrapper renders the commands and the input files, each exactly once: rendering here as well would expand what
        // a customer wrote between braces.
        return commands(runContext)
            .addEnv(Map.of("PYTHONUNBUFFERED", "true"))
            .withInterpreter(interpreter)
            .withBeforeCommands(beforeCommands)
            .withBeforeCommandsWithOptions(true)
            .withCommands(commands)
            .withTargetOS(runContext.render(targetOS).as(TargetOS.class).orElse(TargetOS.AUTO))
            .run();
    }
}
