package import Compute
package import LanguageModels
package import Recordings

/// Finds out what all experts of a block would read if every token chose every one of them.
///
/// After each run of the block, its experts are run by themselves on what they read there, some rows at a time. The block's
/// own answer, and the tokens that are counted for each expert, are those of the experts that tokens choose.
package final class ExpertCalibration {
  private let block: BlockProgram
  private let parts: [(input: Value, experts: BlockProgram)]

  /// Takes the weights that the block's program has now.
  ///
  /// - Parameter block: The program of a block that keeps what its experts read
  ///   (``DecoderBlock/keepingExpertInputs``).
  /// - Returns: Nil for a block without experts.
  package init?(_ block: BlockProgram) throws {
    guard !block.mixtures.isEmpty else { return nil }
    let recording = block.program.recording
    self.block = block
    parts = try block.mixtures.map { mixture in
      precondition(recording.kept.contains(mixture.input))
      let experts = AllExperts(mixture.experts, width: recording.columns(of: mixture.input))
      let program = try BlockProgram(
        experts, activations: block.activations,
        batch: mixture.experts.routing.rowsAtOnce(of: block.program.rows), tokens: 1,
        device: block.program.device, training: .nothing)
      program.program.takeParts(of: block.program)
      return (mixture.input, program)
    }
  }

  /// Bytes that it takes for a block that runs so many tokens at once.
  package static func byteCount(
    _ block: any DecoderBlock, activations: ActivationPlan, tokens: Int, device: any Device
  ) -> Int {
    block.allExperts.reduce(0) { sum, experts in
      sum
        + BlockProgram.byteCount(
          experts, activations: activations,
          batch: experts.experts.routing.rowsAtOnce(of: tokens), tokens: 1, device: device,
          training: .nothing)
    }
  }

  /// Runs all experts on what the block's last run has given them to read.
  func run() {
    let program = block.program
    for (input, experts) in parts {
      let byteCount = experts.width * program.compute.byteCount
      for rows in program.presentRows {
        for first in stride(from: rows.lowerBound, to: rows.upperBound, by: experts.program.batch) {
          let count = min(experts.program.batch, rows.upperBound - first)
          experts.program.sampleCount = count
          experts.program[range: experts.input]
            .copy(from: program[range: input] + first * byteCount, byteCount: count * byteCount)
          experts.program.forward()
        }
      }
    }
  }

  /// Sums up the squares of the experts' inputs in all runs from now on.
  package func collectSquares() {
    for (_, experts) in parts {
      experts.program.activations = .passed
      experts.program.inputSquares = [:]
    }
  }

  /// What was collected in the place of the sums for the layers of experts, and ends collecting.
  ///
  /// - Parameter own: The sums of the block's program, by its parameters.
  package func squares(replacing own: [Parameter: [Float]]) -> [Parameter: [Float]] {
    var squares = own
    let places = Dictionary(
      block.program.parameterParts.map { ($0.name, $0.parameter) },
      uniquingKeysWith: { first, _ in first })
    for (_, experts) in parts {
      let program = experts.program
      for node in program.recording.nodes where node.operation == .groupedLinear {
        let weight = node.parameters[0]
        let name = program.recording.parameters[weight.index].parts[0].name
        guard let place = places[name] else { preconditionFailure("no part \(name)") }
        squares[place] = program.inputSquares?[weight]
      }
      program.inputSquares = nil
    }
    return squares
  }

  /// Whether a scale is calibrated for what experts read.
  var hasScales: Bool { parts.contains { !$0.experts.program.calibratedActivations.isEmpty } }

  /// Looks at what scales are calibrated for in all runs from now on.
  func observe() {
    for (_, experts) in parts {
      experts.program.activations = .observed
      experts.program.observed = [:]
    }
  }

  /// What was observed, by the names of scales.
  var observed: [String: [(least: Float, greatest: Float)]] {
    var ranges: [String: [(least: Float, greatest: Float)]] = [:]
    for (_, experts) in parts {
      for part in experts.program.parameterParts where part.isScale {
        ranges[part.name, default: []] += experts.program.observed[part.parameter] ?? []
      }
    }
    return ranges
  }
}

extension Router {
  /// Rows that all experts run on at once where a block runs `rows` tokens: as many for each expert as the block has
  /// on average, so that it takes about as much memory, but no fewer than products are good for.
  fileprivate func rowsAtOnce(of rows: Int) -> Int {
    min(rows, max(rows * perToken / experts, 64))
  }
}
