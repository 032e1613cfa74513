import JSONText

/// Gemma 3 with images.
enum WrappedGemma3: WrappedModel {
  static let modelTypes = ["gemma3"]
  static let about = FamilyDescription(
    "Gemma 3", "with images; the text model is quantized, all else copied")
  static let textType = "gemma3_text"
  static let isTied = true
  static let textDefaults: [String: JSONValue] = [
    "vocab_size": 262_208, "hidden_size": 2304, "intermediate_size": 9216,
    "num_hidden_layers": 26, "num_attention_heads": 8,
  ]
}

/// LLaVA 1.5 and its like: any text model.
enum WrappedLLaVA: WrappedModel {
  static let modelTypes = ["llava"]
  static let about = FamilyDescription(
    "LLaVA, Pixtral", "with images; the text model is quantized, all else copied")
  static let textType = "llama"
  static let textDefaults: [String: JSONValue] = [
    "vocab_size": 32_000, "hidden_size": 4096, "intermediate_size": 11_008,
    "num_hidden_layers": 32, "num_attention_heads": 32,
  ]
}

/// Mistral Small 3.1 and later, Ministral 3.
enum WrappedMistral3: WrappedModel {
  static let modelTypes = ["mistral3"]
  static let about = FamilyDescription(
    "Mistral Small 3.1 and 3.2, Ministral 3",
    "with images; the text model is quantized, all else copied")
  static let textType = "mistral"
  static let isTied = true
}

/// Qwen 2 VL and 2.5 VL: for text, positions in three coordinates are those of Qwen 2.
enum WrappedQwen2: WrappedModel {
  static let modelTypes = ["qwen2_vl", "qwen2_5_vl"]
  static let about = FamilyDescription(
    "Qwen 2 VL and 2.5 VL", "with images; the text model is quantized, all else copied")
  static let textType = "qwen2"
  static let textFamilies: [String: any Architecture.Type] = [
    "qwen2_vl_text": Qwen2.self, "qwen2_5_vl_text": Qwen2.self,
  ]
  static let textDefaults: [String: JSONValue] = [
    "num_key_value_heads": 8, "rms_norm_eps": 1e-5, "rope_theta": 1e6,
  ]
  static let hasTextAtTop = true
}

/// Qwen 3 VL, dense.
enum WrappedQwen3: WrappedModel {
  static let modelTypes = ["qwen3_vl"]
  static let about = FamilyDescription(
    "Qwen 3 VL, dense", "with images; the text model is quantized, all else copied")
  static let textType = "qwen3_vl_text"
  static let textFamilies: [String: any Architecture.Type] = ["qwen3_vl_text": Qwen3.self]
  static let textDefaults: [String: JSONValue] = ["rope_theta": 5e5]
}

/// Qwen 3 VL with experts.
enum WrappedQwen3VLMoE: WrappedModel {
  static let modelTypes = ["qwen3_vl_moe"]
  static let about = FamilyDescription(
    "Qwen 3 VL with experts", "with images; the text model is quantized, all else copied")
  static let textType = "qwen3_vl_moe_text"
}

/// Qwen 3.5 with experts and images.
enum WrappedQwen35MoE: WrappedModel {
  static let modelTypes = ["qwen3_5_moe"]
  static let about = FamilyDescription(
    "Qwen 3.5 with experts", "with images; the text model is quantized, all else copied")
  static let textType = "qwen3_5_moe_text"
}

/// Llama 4.
enum WrappedLlama4: WrappedModel {
  static let modelTypes = ["llama4"]
  static let about = FamilyDescription(
    "Llama 4", "with images; the text model is quantized, all else copied")
  static let textType = "llama4_text"
  static let textDefaults: [String: JSONValue] = [
    "vocab_size": 202_048, "hidden_size": 5120, "num_hidden_layers": 48,
    "num_attention_heads": 40,
  ]
}

/// Gemma 4 with images and sound.
enum WrappedGemma4: WrappedModel {
  static let modelTypes = ["gemma4"]
  static let about = FamilyDescription(
    "Gemma 4", "with images and sound; the text model is quantized, all else copied")
  static let textType = "gemma4_text"
  static let isTied = true
}

/// Qwen 3.5 with images.
enum WrappedQwen35: WrappedModel {
  static let modelTypes = ["qwen3_5"]
  static let about = FamilyDescription(
    "Qwen 3.5, dense", "with images; the text model is quantized, all else copied")
  static let textType = "qwen3_5_text"
}
