package import JSONText

/// What became of some of a block's layers that were tuned together, because memory did not suffice for all.
///
/// The losses are the block's: with the layers of portions before quantized, and those of later ones in full precision.
public struct PortionReport: Sendable, Equatable {
  /// Which layers they are: `all but experts`, or `experts 0 to 42`.
  public var name: String
  /// Its steps: so many of the block's losses, after those of the portions before.
  public var stepCount: Int
  /// Loss of the first step's batch, before any step was taken.
  public var initialLoss: Double
  /// The smallest loss of any step's batch; the parameters of that step were kept.
  public var bestLoss: Double
  /// The step of the smallest loss, from 0.
  public var bestIteration: Int

  /// Creates a report.
  public init(
    name: String, stepCount: Int, initialLoss: Double, bestLoss: Double, bestIteration: Int
  ) {
    (self.name, self.stepCount) = (name, stepCount)
    (self.initialLoss, self.bestLoss, self.bestIteration) = (initialLoss, bestLoss, bestIteration)
  }

  var json: JSONValue {
    [
      "name": .string(name), "steps": JSONValue(stepCount), "initial_loss": JSONValue(initialLoss),
      "best_loss": JSONValue(bestLoss), "best_iteration": JSONValue(bestIteration),
    ]
  }

  /// Reads what ``json`` gives.
  package init(_ reader: JSONReader) throws {
    self.init(
      name: try reader.required("name").string(),
      stepCount: try reader.required("steps").int(in: 0...1 << 30),
      initialLoss: try reader.required("initial_loss").double(),
      bestLoss: try reader.required("best_loss").double(),
      bestIteration: try reader.required("best_iteration").int(in: 0...1 << 30))
  }
}
