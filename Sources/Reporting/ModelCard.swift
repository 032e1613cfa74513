import Diagnostics
import Foundation
import JSONText
import QuantizedCheckpoints
import Verification

/// The model card of a quantized checkpoint, `README.md`, with the front matter that the hub reads.
struct ModelCard {
  let record: RunRecord

  var text: String {
    (["---"] + frontMatter + ["---", ""] + body).joined(separator: "\n") + "\n"
  }

  /// The name of the checkpoint's folder, which people will also give it on the hub.
  private var name: String { record.output.folder.lastPathComponent }

  private var isServed: Bool {
    record.verification.runtimes.contains { $0.name == "vLLM" && $0.isLoading }
  }

  private var frontMatter: [String] {
    var lines = ["base_model: \(Self.quoted(record.baseModel))", "base_model_relation: quantized"]
    let known = record.card.frontMatter
    lines += known
    if !known.contains(where: { $0.hasPrefix("license:") }),
      let file = record.card.licenseFiles.first
    {
      lines += ["license: other", "license_link: \(Self.quoted(file))"]
    }
    if !known.contains(where: { $0.hasPrefix("pipeline_tag:") }) {
      lines.append("pipeline_tag: text-generation")
    }
    let tags = ["autoround", record.readers.name, "quantized"] + (isServed ? ["vllm"] : [])
    let library = record.readers.transformersPackage == nil ? record.readers.name : "transformers"
    return lines + ["library_name: \(library)", "tags:"] + tags.map { "- \($0)" }
  }

  private var body: [String] {
    let run = record.description
    let facts =
      record.facts + [
        ("quantized layers", "\(record.verification.quantizedLayerCount)"),
        ("calibration", run.samples),
        (
          "tuning",
          run.iterations > 0
            ? counted(run.iterations, "iteration") + " for each block" : run.tuning
        ),
      ]
    return [
      "# \(name)", "",
      "\(record.baseModel), quantized with AutoRound: \(run.scheme).", "",
      "| | |", "|---|---|",
    ] + facts.map { "| \($0.name) | \($0.value) |" } + [""] + serving + provenance
  }

  private var serving: [String] {
    var lines = ["## Use", ""]
    for runtime in record.verification.runtimes { lines.append("- \(runtime.line)") }
    lines.append("")
    if isServed {
      let cache = record.verification.quantizesKeysAndValues ? " --kv-cache-dtype fp8" : ""
      lines += ["```", "pip install vllm", "vllm serve \(shellWord(name))\(cache)", "```", ""]
    }
    let commands = record.readers.commands(shellWord(name))
    if !commands.isEmpty { lines += ["```"] + commands + ["```", ""] }
    guard let package = record.readers.transformersPackage else { return lines }
    lines += [
      "```python", "# pip install transformers \(package) accelerate",
      "from transformers import AutoModelForCausalLM, AutoTokenizer", "",
      "tokenizer = AutoTokenizer.from_pretrained(\(Self.quoted(name)))",
      "model = AutoModelForCausalLM.from_pretrained("
        + "\(Self.quoted(name)), dtype=\"auto\", device_map=\"auto\")",
    ]
    if record.card.hasChatTemplate {
      lines += [
        "messages = [{\"role\": \"user\", \"content\": \"Tell me a story.\"}]",
        "inputs = tokenizer.apply_chat_template(",
        "    messages, add_generation_prompt=True, return_dict=True, return_tensors=\"pt\")",
      ]
    } else {
      lines.append("inputs = tokenizer(\"Once upon a time\", return_tensors=\"pt\")")
    }
    return lines + [
      "outputs = model.generate(**inputs.to(model.device), max_new_tokens=64)",
      "print(tokenizer.decode(outputs[0], skip_special_tokens=True))", "```", "",
    ]
  }

  private var provenance: [String] {
    [
      "## How it was made", "",
      "By autoround \(ProgramVersion.current). `recipe.yaml` holds every option, "
        + "`quantization_report.json` and `report.html` the losses of each block; "
        + "`sha256sum --check SHA256SUMS` tells whether the files are whole.",
    ]
  }

  /// A text in double quotes, as YAML, Python and JSON have them; without control characters, which YAML refuses.
  private static func quoted(_ text: String) -> String {
    let plain = text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }
    return JSONValue.string(String(String.UnicodeScalarView(plain))).text()
  }
}
