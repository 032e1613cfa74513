/// A type of block in a GGUF file, of either kind.
package enum BlockType: Hashable, Sendable {
  case scaleBlocks(ScaleBlockType)
  case superBlocks(KQuantType)

  /// All types.
  package static let all: [BlockType] =
    ScaleBlockType.allCases.map(scaleBlocks) + KQuantType.allCases.map(superBlocks)

  /// The name in messages and options: `q4_k`.
  package var name: String {
    switch self {
    case .scaleBlocks(let type): type.rawValue
    case .superBlocks(let type): type.rawValue
    }
  }

  /// Weights of a block as files have it, which rows are multiples of.
  package var size: Int {
    switch self {
    case .scaleBlocks: ScaleBlockType.size
    case .superBlocks: KQuantType.superBlockSize
    }
  }

  /// Neighbouring weights that share a scale.
  package var groupSize: Int {
    switch self {
    case .scaleBlocks: ScaleBlockType.size
    case .superBlocks(let type): type.subBlockSize
    }
  }

  /// Bits of a weight's code.
  package var bitCount: Int {
    switch self {
    case .scaleBlocks(let type): type.bitCount
    case .superBlocks(let type): type.bitCount
    }
  }

  /// Whether weights that share a scale share a minimum, too.
  package var isAsymmetric: Bool {
    switch self {
    case .scaleBlocks(let type): type.isAsymmetric
    case .superBlocks(let type): type.isAsymmetric
    }
  }

  /// What a code is counted from.
  package var zeroPoint: Int { isAsymmetric ? 0 : 1 << (bitCount - 1) }
}
