import Foundation
import JSONText

extension BadInputTests {
  static let cases: [Case] = [
    Case(
      testDescription: "no config.json",
      spoil: {
        try $0.remove("config.json"); return []
      }, mentions: ["config.json"]),
    Case(
      testDescription: "config.json is no JSON",
      spoil: {
        try $0.edit("config.json") { $0 = Data("{\"a\": ".utf8) }; return []
      },
      mentions: ["config.json", "line 1"]),
    Case(
      testDescription: "a key of config.json is missing",
      spoil: {
        try $0.edit(configuration: { $0 = $0.removing("hidden_size") }); return []
      },
      mentions: ["config.json", "hidden_size", "missing"]),
    Case(
      testDescription: "a key of config.json has another type",
      spoil: {
        try $0.edit(configuration: { $0.set("num_attention_heads", "four") }); return []
      },
      mentions: ["config.json", "num_attention_heads", "\"four\"", "an integer"]),
    Case(
      testDescription: "absurd sizes in config.json",
      spoil: {
        try $0.edit(configuration: { $0.set("hidden_size", 9_000_000_000) }); return []
      },
      mentions: ["config.json", "hidden_size"]),
    Case(
      testDescription: "sizes that the tensors do not have",
      spoil: {
        try $0.edit(configuration: { $0.set("intermediate_size", 512) }); return []
      },
      mentions: ["model.safetensors", "mlp.", "512"]),
    Case(
      testDescription: "an unknown architecture",
      spoil: {
        try $0.edit(configuration: { $0.set("model_type", "qwen4") }); return []
      },
      mentions: [
        "config.json", "model_type", "'qwen4'", "near it is qwen2, qwen3", "autoround list models",
        "--model-free",
      ]),
    Case(
      testDescription: "an unknown rotary embedding",
      spoil: {
        try $0.edit(configuration: { $0.set("rope_parameters", ["rope_type": "spiral"]) })
        return []
      }, mentions: ["config.json", "rope_parameters.rope_type", "'spiral'"]),
    Case(
      testDescription: "a quantization that is not read",
      spoil: {
        try $0.edit(configuration: { $0.set("quantization_config", ["quant_method": "bnb"]) })
        return []
      }, mentions: ["config.json", "quantization_config.quant_method", "'bnb'", "gptq"]),
    Case(
      testDescription: "a quantization that no tensor has",
      spoil: {
        try $0.edit(configuration: {
          $0.set("quantization_config", ["quant_method": "gptq", "bits": 4, "group_size": 128])
        })
        return []
      }, mentions: ["config.json", "quantization_config", "gptq", "no tensor is"]),
    Case(
      testDescription: "a config.json of many megabytes",
      spoil: {
        try $0.edit("config.json") { $0 += Data(repeating: 0x20, count: 9_000_000) }; return []
      }, mentions: ["config.json", "8388608 bytes"]),
    Case(
      testDescription: "a generation_config.json of many megabytes",
      spoil: {
        _ = try $0.write(
          #"{"a": [\#(String(repeating: "1,", count: 4_500_000))1]}"#,
          to: "model/generation_config.json")
        return []
      }, mentions: ["generation_config.json", "8388608 bytes"]),
    Case(
      testDescription: "a config.json that is a pipe",
      spoil: {
        try $0.remove("config.json")
        mkfifo($0.model.appending(path: "config.json").path, 0o600)
        return []
      }, mentions: ["config.json", "is not a regular file"]),
    Case(
      testDescription: "a scale beside a weight",
      spoil: {
        try $0.add(tensor: "model.layers.0.self_attn.q_proj.weight_scale"); return []
      },
      mentions: ["model.layers.0.self_attn.q_proj.weight_scale", "quantized already"]),
    Case(
      testDescription: "packed integers beside a weight, not run",
      spoil: {
        try $0.add(tensor: "model.layers.1.mlp.up_proj.weight_packed")
        return ["--model-free", "--iterations", "0", "--ignore-limits"]
      }, mentions: ["model.layers.1.mlp.up_proj.weight_packed", "quantized already"]),
    Case(
      testDescription: "a scale of keys where one is to be written",
      spoil: {
        try $0.add(tensor: "model.layers.0.self_attn.k_scale")
        let recipe = """
          AutoRoundModifier:
            scheme: W4A16
            kv_cache_scheme: {num_bits: 8, type: float, strategy: tensor, symmetric: true}
          """
        return ["--recipe", try $0.write(recipe, to: "r.yaml")]
      }, mentions: ["model.layers.0.self_attn.k_scale", "quantized already"]),
    Case(
      testDescription: "no tensors",
      spoil: {
        try $0.remove("model.safetensors"); return []
      },
      mentions: ["model.safetensors"]),
    Case(
      testDescription: "a truncated safetensors file",
      spoil: {
        try $0.edit("model.safetensors") { $0.removeLast(1000) }; return []
      },
      mentions: ["model.safetensors"]),
    Case(
      testDescription: "a header length that lies",
      spoil: {
        try $0.edit("model.safetensors") {
          $0.replaceSubrange(0..<8, with: [255, 255, 255, 255, 255, 255, 255, 127])
        }
        return []
      }, mentions: ["model.safetensors", "header"]),
    Case(
      testDescription: "a shard that the index names and nobody has",
      spoil: {
        try $0.remove("model.safetensors")
        try $0.edit("config.json") { _ in }
        let index = #"{"weight_map": {"model.norm.weight": "model-00001-of-00002.safetensors"}}"#
        try Data(index.utf8).write(to: $0.model.appending(path: "model.safetensors.index.json"))
        return []
      }, mentions: ["model-00001-of-00002.safetensors"]),
    Case(
      testDescription: "no tokenizer",
      spoil: {
        try $0.remove("tokenizer.json"); return []
      },
      mentions: ["tokenizer.json"]),
    Case(
      testDescription: "an unknown tokenizer component",
      spoil: {
        try $0.edit("tokenizer.json") { data in
          var value = try JSONValue.parse(data)
          value.set("normalizer", ["type": "Rot13"])
          data = Data(value.text().utf8)
        }
        return []
      }, mentions: ["tokenizer.json", "normalizer", "Rot13"]),
    Case(
      testDescription: "a recipe that is a folder", spoil: { ["--recipe", $0.model.path] },
      mentions: ["model", "is a folder, expected a file"]),
    Case(
      testDescription: "calibration data that is a pipe",
      spoil: {
        let pipe = $0.folder.appending(path: "c.txt").path
        mkfifo(pipe, 0o600)
        return ["--calibration", pipe]
      }, mentions: ["c.txt", "is not a regular file"]),
    Case(
      testDescription: "a recipe that is a pipe nobody writes to",
      spoil: {
        let pipe = $0.folder.appending(path: "r.yaml").path
        mkfifo(pipe, 0o600)
        return ["--recipe", pipe]
      }, mentions: ["r.yaml", "a pipe that nobody has written to"]),
    Case(
      testDescription: "a recipe that is not there",
      spoil: { ["--recipe", $0.folder.appending(path: "no.yaml").path] },
      mentions: ["no.yaml", "No such file or directory"]),
    Case(
      testDescription: "a recipe with an unknown key",
      spoil: {
        [
          "--recipe",
          try $0.write("s:\n  modifiers:\n    AutoRoundModifier:\n      itters: 3\n", to: "r.yaml"),
        ]
      }, mentions: ["r.yaml", "line 4", "'itters'", "'iters'"]),
    Case(
      testDescription: "a group size of 0",
      spoil: {
        let recipe = """
          s:
            modifiers:
              AutoRoundModifier:
                config_groups:
                  g: {targets: [Linear], weights: {num_bits: 4, group_size: 0}}
          """
        return ["--recipe", try $0.write(recipe, to: "r.yaml")]
      }, mentions: ["r.yaml", "group_size", "0"]),
    Case(
      testDescription: "a target that matches nothing",
      spoil: {
        let recipe = "AutoRoundModifier: {scheme: W4A16, targets: ['re:.*expert.*']}"
        return ["--recipe", try $0.write(recipe, to: "r.yaml")]
      }, mentions: ["re:.*expert.*", "matches no linear layer"]),
    Case(
      testDescription: "calibration data that is not there",
      spoil: { ["--calibration", $0.folder.appending(path: "no.txt").path] },
      mentions: ["no.txt"]),
    Case(
      testDescription: "an empty calibration file",
      spoil: { ["--calibration", try $0.write("", to: "c.jsonl")] }, mentions: ["c.jsonl"]),
    Case(
      testDescription: "a malformed calibration record",
      spoil: {
        ["--calibration", try $0.write("{\"text\": \"a\"}\n{\"text\": 3}\n", to: "c.jsonl")]
      },
      mentions: ["c.jsonl", "line 2", "text"]),
    Case(
      testDescription: "samples that are all shorter than asked",
      spoil: { ["--calibration", try $0.write("{\"text\": \"Too short.\"}\n", to: "c.jsonl")] },
      mentions: ["c.jsonl", "64"]),
    Case(
      testDescription: "token ids outside the vocabulary",
      spoil: {
        let ids = (0..<64).map { "\($0 + 5000)" }.joined(separator: ", ")
        return ["--calibration", try $0.write("{\"input_ids\": [\(ids)]}\n", to: "c.jsonl")]
      }, mentions: ["c.jsonl", "line 1", "5000", "4096"]),
    Case(
      testDescription: "samples longer than the model's positions",
      spoil: { _ in ["--sequence-length", "4096"] }, mentions: ["--sequence-length", "2048"]),
    Case(
      testDescription: "an output inside the input",
      spoil: { ["--output", $0.model.appending(path: "q").path] }, mentions: ["model/q"]),
    Case(
      testDescription: "an output that is the input",
      spoil: { ["--output", $0.model.path, "--overwrite"] }, mentions: ["model"]),
    Case(
      testDescription: "an output around the input",
      spoil: { ["--output", $0.folder.path, "--overwrite"] }, mentions: [""]),
    Case(
      testDescription: "an output that cannot be created",
      spoil: { _ in ["--output", "/proc/q"] }, mentions: ["/proc/q"]),
    Case(
      testDescription: "a weight that is not a number",
      spoil: {
        try $0.edit("model.safetensors") { data in
          let length = data.prefix(8).enumerated().reduce(0) {
            $0 | Int($1.element) << (8 * $1.offset)
          }
          let header = try JSONValue.parse(data[8..<8 + length])
          let offsets = header["model.layers.3.mlp.up_proj.weight"]?["data_offsets"]?.arrayValue
          let start = 8 + length + (offsets?.first?.intValue ?? 0)
          data.replaceSubrange(start..<start + 2, with: [0xC0, 0x7F])  // a quiet NaN in bf16
        }
        return []
      }, mentions: ["model.safetensors: tensor 'model.layers.3.mlp.up_proj.weight': element [0, 0]"]
    ),
  ]
}
