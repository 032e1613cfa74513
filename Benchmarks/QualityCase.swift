import AutoRound
import CPU
import Compute
import Foundation
import Recordings
import Tuning

/// What options that save work cost in the loss of blocks of real shapes with random weights.
///
/// Each block is tuned for 200 iterations on the same 32 samples of 128 tokens. The loss is that over all
/// samples, in units of the loss with weights rounded to nearest.
enum QualityCase {
  static let name = "quality"

  private struct Options {
    var name: String
    var batch = 8
    var momentum: Float = 0
    var gradients = GradientPrecision.full
  }

  private static let options = [
    Options(name: "batch 8, in full"),
    Options(name: "batch 8, int8", gradients: .int8),
    Options(name: "batch 2, int8", batch: 2, gradients: .int8),
    Options(name: "batch 2, int8, momentum 0.9", batch: 2, momentum: 0.9, gradients: .int8),
  ]

  static func run(_ show: (String) -> Void) throws {
    for shape in [BlockShape.qwen3, .llama1B] {
      show("")
      show("\(shape.name), W4A16, 32 x 128 tokens: loss after tuning, of rounding's; seconds")
      for options in options where options.gradients.isAvailable {
        show(try line(shape, options))
      }
    }
  }

  private static func line(_ shape: BlockShape, _ options: Options) throws -> String {
    let block = try RandomBlock(
      shape, batch: options.batch, tokens: 128, samples: 32, gradients: options.gradients)
    var settings = TuningSettings(iterations: 200, batchSize: options.batch)
    settings.momentum = options.momentum
    let tuner = BlockTuner(block: block.program, layers: block.layers, settings: settings)
    let runner = block.program
    tuner.quantizeWeights()
    let rounded = runner.errors(on: block.inputs, targets: block.targets).mean
    let start = ContinuousClock.now
    _ = try tuner.tune(inputs: block.inputs, targets: block.targets) { _, _ in }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let tuned = runner.errors(on: block.inputs, targets: block.targets).mean
    return "  " + options.name.padding(toLength: 32, withPad: " ", startingAt: 0)
      + String(format: "%7.4f %8.1f s", tuned / rounded, seconds)
  }
}
