import AutoRound
import Foundation
import JSONText
import TestSupport
import Testing
import Tuning

@Suite struct SamplerTests {
  @Test func ordersAreThoseOfTheReference() throws {
    let file = Fixtures.folder.appending(path: "tuning/sampler_seed42.json")
    let root = JSONReader(try JSONValue.parse(contentsOf: file))
    var checked = 0
    for (key, epochs) in try root.members() {
      let count = try #require(Int(key.filter(\.isNumber)))
      var sampler = BatchSampler(sampleCount: count, batchSize: count, seed: 42)
      for (_, epoch) in try epochs.members() {
        let expected = try epoch.elements().map { try $0.int() }
        let batch = sampler.next().map { Array($0) }
        #expect(batch == expected)
        checked += 1
      }
    }
    #expect(checked >= 9)
  }

  @Test func anIncompleteTailIsDropped() {
    var sampler = BatchSampler(sampleCount: 5, batchSize: 2, seed: 1)
    for _ in 0..<10 {
      let (first, second) = (sampler.next() ?? [], sampler.next() ?? [])
      #expect(Set(first + second).count == 4)
    }
  }

  @Test(arguments: ["w4_g32_sym", "w2_g32_asym", "w4_g32_sym_mask"])
  func learningRatesAreThoseOfTheReference(variant: String) throws {
    let rates = try TuningFixture(variant).doubles("lr")
    var schedule = LearningRateSchedule(initial: Float(rates[0]), iterations: rates.count)
    for rate in rates {
      #expect(schedule.rate == Float(rate))
      schedule.advance()
    }
  }
}
