/// What most tensors of a file are, as `general.file_type` says and llama-quantize is asked for it.
///
/// The raw values are those of files (`LlamaFileType` of the gguf package 0.19).
package enum GGUFFileType: UInt32, Sendable, CaseIterable {
  case f32 = 0
  case f16 = 1
  case q40 = 2
  case q41 = 3
  case q80 = 7
  case q50 = 8
  case q51 = 9
  case q2K = 10
  case q3KS = 11
  case q3KM = 12
  case q3KL = 13
  case q4KS = 14
  case q4KM = 15
  case q5KS = 16
  case q5KM = 17
  case q6K = 18
  case q2KS = 21
  case bf16 = 32

  /// The key that says it.
  package static let key = "general.file_type"

  /// The table: the name of options, and what a tensor is of which no rule says otherwise.
  private var row: (name: String, type: GGUFTensorType) {
    switch self {
    case .f32: ("f32", .f32)
    case .f16: ("f16", .f16)
    case .bf16: ("bf16", .bf16)
    case .q40: ("q4_0", .q40)
    case .q41: ("q4_1", .q41)
    case .q50: ("q5_0", .q50)
    case .q51: ("q5_1", .q51)
    case .q80: ("q8_0", .q80)
    case .q2K: ("q2_k", .q2K)
    case .q2KS: ("q2_k_s", .q2K)
    case .q3KS: ("q3_k_s", .q3K)
    case .q3KM: ("q3_k_m", .q3K)
    case .q3KL: ("q3_k_l", .q3K)
    case .q4KS: ("q4_k_s", .q4K)
    case .q4KM: ("q4_k_m", .q4K)
    case .q5KS: ("q5_k_s", .q5K)
    case .q5KM: ("q5_k_m", .q5K)
    case .q6K: ("q6_k", .q6K)
    }
  }

  /// The name of options and, in capital letters, of files: `q4_k_m`.
  package var name: String { row.name }

  /// What a tensor is of which no rule says otherwise.
  package var usualType: GGUFTensorType { row.type }

  /// - Parameter name: As ``name`` has it, in letters of either case.
  package init?(name: String) {
    let name = name.lowercased()
    guard let type = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = type
  }
}
